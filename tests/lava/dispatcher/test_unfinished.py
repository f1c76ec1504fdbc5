"""A definition that does not finish is a failure, whichever host runs it."""

from __future__ import annotations

import json
from xml.etree import ElementTree as ET

import pytest

from ...needs import LAVA_VERSIONS, lava
from ..conftest import EXAMPLES, definition, lava_job, lava_test
from ..stand_in import entry

pytestmark = pytest.mark.slow

STEPS = ("lava-test-case a --result pass", "false", "lava-test-case b --result fail")
#: LAVA's own verdicts, which its server has, too.
UNFINISHED = {"definition": "lava", "case": "0_t", "uuid": "7_1.4.2", "result": "fail"}


def job(device_type, names):
    """Return a job for one device: definitions of these names, all with STEPS but `whole`."""
    image = str(EXAMPLES / "images" / "panda.img.gz")
    definitions = [
        definition(name, *(["lava-test-case c --result pass"] if name == "whole" else STEPS))
        for name in names
    ]
    return {
        "job_name": "unfinished",
        "timeout": 60,
        "device_group": [{"role": "node", "device_type": device_type}],
        "actions": [
            {"command": "deploy_linaro_image", "parameters": {"image": image}},
            {"command": "lava_test_shell", "parameters": {"definitions": definitions}},
        ],
    }


def servers_log(names):
    """Return the log of such a job on a LAVA server."""
    lines = [entry("info", "start: 1 lava-test-retry (timeout 00:01:00) [common]")]
    for number, name in enumerate(names):
        full, case = f"{number}_{name}", "c" if name == "whole" else "a"
        lines += [
            entry("info", f"Starting test lava.{full} (7_1.4.{number})"),
            entry("results", {"definition": full, "case": case, "result": "pass"}),
        ]
        if name == "whole":
            lines += [
                entry("info", f"Ending test lava.{full} (7_1.4.{number}), duration 0.10"),
                entry("results", {"definition": "lava", "case": full, "result": "pass"}),
            ]
    if names[-1] != "whole":
        lines += [
            entry("error", "Marking unfinished test run as failed"),
            entry("results", UNFINISHED),
        ]
    lines.append(entry("info", "end: 1 lava-test-retry (duration 00:00:01) [common]"))
    return [*lines, entry("results", {"definition": "lava", "case": "job", "result": "pass"})]


@pytest.fixture(params=["own", *LAVA_VERSIONS, "server"])
def run(request, tmp_path, environ):
    """A function that runs such a job on a device driven here, under LAVA, or on a LAVA server."""
    if request.param == "server":
        server, submit = map(request.getfixturevalue, ("server", "submit"))

        def on_server(names):
            server.logs = {"17.0": servers_log(names)}
            return submit(job("panda", names))[0]

        return on_server
    if request.param in LAVA_VERSIONS:
        request.getfixturevalue("installed")
        environ["LAVA_DISPATCHER_PATH"] = lava(request.param)
    dispatch = request.getfixturevalue("dispatch")
    device_type = "panda" if request.param == "own" else "shell"
    return lambda names: dispatch(job(device_type, names)).code


@pytest.mark.parametrize(
    ("names", "lavas"),
    [
        (["t"], "LAVA marks its run as unfinished: a step failed or was cut off"),
        (["t", "whole"], "LAVA's log has its start and no end: 1_whole begins"),
    ],
    ids=["last", "dropped"],
)
def test_a_definition_that_breaks_off_is_a_failure_everywhere(
    run, tmp_path, request, names, lavas
):
    """Its node fails, its reason is in all results, and LAVA's complete job is no pass."""
    code = run(names)
    (node,) = json.loads((tmp_path / "out/results.json").read_text())["nodes"].values()
    assert (code, node["status"], node["error_type"]) == (1, "fail", "test")
    found = {(r["definition"], r["case"]): r["result"] for r in node["results"]}
    expected = {("0_t", "a"): "pass", ("0_t", "lava-test-shell-run"): "fail"}
    assert found == expected | ({("1_whole", "c"): "pass"} if len(names) > 1 else {})
    (failure,) = ET.parse(tmp_path / "out/results.xml").getroot().iter("failure")
    reason = "exit code 1 before its last step" if "own-" in request.node.name else lavas
    assert node["error"] == f"0_t: {reason}"
    assert failure.get("message") == f"lava-test-shell-run: {reason}"
    events = [
        json.loads(line) for line in (tmp_path / "out/events.jsonl").read_text().splitlines()
    ]
    ended = [e["definition"] for e in events if e["event"] == "definition_finished"]
    assert ended == [f"{number}_{name}" for number, name in enumerate(names)]


@pytest.mark.parametrize("version", LAVA_VERSIONS)
def test_a_definition_that_lava_never_begins_is_a_failure(installed, dispatch, environ, version):
    """LAVA takes the last line of a test for the end of the runner; its job is complete."""
    environ["LAVA_DISPATCHER_PATH"] = lava(version)
    job = lava_job({"node": {}}, lava_test("t", ["node"], "lava-test-case a --result pass"))
    after = lava_test("u", ["node"], "lava-test-case b --result pass")["test"]["definitions"][0]
    after["repository"]["install"] = {"steps": ["printf '<LAVA_TEST_%s>\\n' 'RUNNER EXIT'"]}
    job["actions"][-1]["test"]["definitions"].append(after)
    run = dispatch(job)
    assert run.code == 1, run.err
    assert run.cases("dut-01") == {"a": "pass", "lava-test-shell-run": "fail"}
    error = "u: LAVA's log has neither its start nor its end"
    assert run.results["nodes"]["dut-01"]["error"] == error
