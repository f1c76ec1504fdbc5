"""A job's secrets: redacted here even if LAVA's log has them, and no result is lost."""

from __future__ import annotations

import json

import pytest
import yaml

from lava_dispatcher_multinode.commands.dispatch import main
from lava_dispatcher_multinode.lava.log_redaction import Redaction, hiding_secrets

from ..needs import LAVA_VERSIONS, lava
from .conftest import lava_job, lava_test
from .stand_in import entry, job_log

#: These words of the log are no secrets: no job has them all.
PRINT = "printf 'hunter%s\\n' 2-is-secret"
SECRET = "hunter2-is-secret"


@pytest.fixture(params=LAVA_VERSIONS)
def under_lava(request, installed, dispatch, environ):
    """A function that runs steps on a device under LAVA, in a job with secrets."""
    environ["LAVA_DISPATCHER_PATH"] = lava(request.param)

    def run(secrets, *steps):
        return dispatch(lava_job({"node": {}}, lava_test("t", ["node"], *steps), secrets=secrets))

    return run


def test_a_secret_that_is_a_result_hides_none(under_lava):
    """LAVA of today masks the word in its log; the case still fails."""
    run = under_lava(
        {"WORD": "fail", "TOKEN": SECRET},
        PRINT, "lava-test-case bad --result fail", "lava-test-case fine --result pass",
        "lava-test-case failsafe --result pass", f'lava-test-case "$({PRINT})" --result pass',
    )  # fmt: skip
    assert run.code == 1, run.err
    assert run.cases("dut-01") == {
        "bad": "fail", "fine": "pass", "[MASKED]safe": "pass", "[MASKED]": "pass",
    }  # fmt: skip
    files = [path.read_bytes() for path in run.directory.rglob("*") if path.is_file()]
    assert len(files) > 5
    assert not any(SECRET.encode() in data for data in files)
    assert "[MASKED]" in (run.directory / "nodes/dut-01/console.raw").read_text()
    assert "[MASKED]" in (run.directory / "nodes/dut-01/logs.yaml").read_text()
    assert SECRET not in run.err


def test_a_secret_that_is_a_name_of_lavas_hides_nothing(under_lava):
    """LAVA's own results stay separate, and the reason of the end is the test's."""
    run = under_lava(
        {"PASSWORD": "lava", "JOB": "job"},
        "lava-test-case a --result pass", "lava-test-raise enough",
    )  # fmt: skip
    assert run.code == 1, run.err
    node = run.results["nodes"]["dut-01"]
    assert (node["status"], node["error_type"], node["error"]) == ("fail", "test", "LAVA: enough")
    assert run.cases("dut-01") == {"a": "pass", "lava-test-shell-run": "fail"}


@pytest.mark.parametrize(
    ("secret", "masked"),
    [
        ("fail", {"definition": "0_t", "case": "x", "result": "[MASKED]"}),
        ("lava", {"definition": "[MASKED]", "case": "0_t", "result": "fail"}),
        ("result", {"definition": "0_t", "case": "x", "[MASKED]": "fail"}),
        ("av", {"definition": "l[MASKED]a", "case": "0_t", "result": "fail"}),
    ],
)
def test_what_a_server_has_masked_is_no_pass(server, submit, secret, masked):
    """Only the log is available: the node does not pass, and the message names the secret."""
    job = lava_job({"a": {}}, lava_test("t", ["a"], "true"), secrets={"WORD": secret})
    server.logs["17.0"] = job_log("y", "pass")
    server.logs["17.0"].insert(-3, entry("results", masked))
    code, results = submit(job)
    node = results["nodes"]["a"]
    assert (code, node["status"], node["error_type"]) == (2, "error", "job")
    assert node["error"] == (
        "a: results cannot be read: LAVA's log has [MASKED] in place of its own words "
        "(use other values for the job's secrets: WORD)"
    )
    assert not any(case["definition"].startswith("[MASKED]") for case in node["results"])


def test_other_masked_words_leave_results_readable(server, submit, tmp_path):
    """If a server masks nothing, the run directory still does not contain the secret."""
    job = lava_job({"a": {}}, lava_test("t", ["a"], "true"), secrets={"TOKEN": SECRET})
    server.logs["17.0"] = job_log("[MASKED]", "pass")
    server.logs["17.0"].insert(2, entry("target", f"{SECRET} é"))
    server.health["17.0"], server.errors["17.0"] = "Incomplete", f"no power with {SECRET}"
    code, results = submit(job)
    assert results["nodes"]["a"]["error"].startswith("LAVA: no power with [MASKED]")
    assert (code, results["nodes"]["a"]["results"][0]["result"]) == (3, "pass")
    assert (tmp_path / "out/nodes/a/console.raw").read_text().endswith("\n[MASKED] é\n")
    for path in (tmp_path / "out").rglob("*"):
        assert path.is_dir() or SECRET not in path.read_text(), path


@pytest.mark.parametrize("value", ['a"b\\c', "é€", "x" * 200, "two\nlines", 4711])
def test_a_line_of_the_log_has_no_form_of_a_secret(value):
    """Neither in JSON's nor in YAML's form; a number is a secret, too."""
    message = {"lvl": "error", "msg": f"<{value}>"}
    redaction = Redaction({"secrets": {"S": value}})
    written = [
        json.dumps(message),
        yaml.safe_dump(message, default_flow_style=True, default_style='"', width=10**5),
    ]
    for text in written:
        line = redaction.redact_line(text.encode())
        assert yaml.safe_load(line)["msg"] == "<[MASKED]>"
    assert redaction.redact(f"{value}{value}.") == "[MASKED][MASKED]."


def test_without_secrets_nothing_is_redacted():
    """An empty value is no secret: LAVA masks nothing for it."""
    for job in ({}, {"secrets": {"S": "", "T": None}}):
        assert Redaction(job).redact("a text") == "a text"
        assert Redaction(job).redact_line(b"a line") == b"a line"


@pytest.mark.parametrize(
    ("value", "hides"),
    [
        ("fail", True), ("ai", True), ("lava", True), ("7", True), ("smo", True),
        ("sound-test", True), ("steady", True), ("47110815", False), ("hunter2", False),
        ("", False),
    ],
)  # fmt: skip
def test_secrets_that_hide_results_or_names(value, hides):
    """Values that are part of LAVA's words, of a definition's name or of a case's."""
    steps = ["lava-test-case sound-test --shell true", "lava-test-set start 'steady'"]
    job = lava_job({"a": {}}, lava_test("smoke", ["a"], *steps), secrets={"S": value})
    assert hiding_secrets(job) == (["S"] if hides else [])


@pytest.mark.parametrize("single", [False, True], ids=["group", "one board"])
def test_validate_names_secrets_that_hide_results(tmp_path, capsys, single):
    """With its position, and without its value; the job is valid."""
    roles = ["a"]
    job = lava_job(
        {"a": {"device_type": "panda"}},
        lava_test("t", roles, "lava-test-case x --result pass"),
        secrets={"TOKEN": SECRET, "WORD": "unknown"},
    )
    image = {"role": roles, "to": "tmpfs", "images": {"rootfs": {"url": "http://h/x.img"}}}
    job["actions"][0] = {"deploy": image}
    if single:
        del job["protocols"]
        job["device_type"] = "panda"
        for action in job["actions"]:
            for block in action.values():
                del block["role"]
    path = tmp_path / "job.yaml"
    path.write_text(yaml.safe_dump(job, sort_keys=False))
    assert main(["--simulate", "--validate", str(path)]) == 0
    said = capsys.readouterr()
    (line,) = [text for text in (said.out + said.err).splitlines() if "value of secret" in text]
    number = path.read_text().splitlines().index("  WORD: unknown") + 1
    assert line.startswith(f"{path}:{number}:")
    assert "warning: the value of secret 'WORD' is part of LAVA's own words" in line
    assert SECRET not in said.out + said.err
