"""lava-dispatch from the user's view: exit codes, results, interrupts."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from contextlib import contextmanager

import pytest

from ..needs import require
from .conftest import COMMAND, EXAMPLES, RUN_TIMEOUT_S, job_text

pytestmark = pytest.mark.slow


def test_a_failing_test_case_gives_1(dispatch, job):
    """A failed test case: the run continues, the summary names the case, the exit code is 1."""
    run = dispatch(
        "--simulate", job("lava-test-case bad --shell false", "lava-test-case ok --shell true")
    )
    assert run.code == 1
    assert run.cases("panda01") == {"bad": "fail", "ok": "pass"}
    assert run.results["nodes"]["panda01"]["status"] == "fail"
    assert re.search(r"panda01: 0_test bad", run.out)


def test_a_panic_gives_3_with_the_reason(dispatch, job):
    """A failed board fails the run; its peer's wait fails at once with the reason."""
    run = dispatch(
        "--simulate",
        job("lava-sync ready", roles=(("a", 1), ("b", 1))),
        env={"LAVA_SIMULATED_FAULTS": "panda02:panic=login"},
    )
    assert run.code == 3
    nodes = run.results["nodes"]
    assert nodes["panda02"]["error_type"] == "infrastructure"
    assert "Kernel panic - not syncing" in nodes["panda02"]["error"]
    (wait,) = run.results["waits"]
    assert wait["outcome"] == "never"
    assert (wait["node"], wait["api"], wait["id"]) == ("panda01", "sync", "ready")
    assert "panda02 failed" in run.out
    assert run.results["exit_code"] == 3


def test_a_panic_in_a_test_keeps_the_results_before_it(dispatch, job):
    """Results reported before a board's failure are kept."""
    run = dispatch(
        "--simulate",
        job("lava-test-case before --shell true", "echo now-die", "sleep 30"),
        env={"LAVA_SIMULATED_FAULTS": "panda01:panic=text:now-die"},
    )
    assert run.code == 3
    assert run.cases("panda01")["before"] == "pass"
    assert "Kernel panic" in run.results["nodes"]["panda01"]["error"]


def test_expected_cases_that_are_missing_give_1(dispatch, tmp_path):
    """Missing and unexpected cases fail, by the definition's and by the entry's `expected`."""
    steps = ["lava-test-case tc1 --result pass", "lava-test-case other --result pass"]
    own = {"metadata": {"name": "own"}, "expected": ["tc1", "tc2"], "run": {"steps": steps}}
    entry = {"metadata": {"name": "entry"}, "run": {"steps": ["lava-test-case tc3 --result pass"]}}
    job = tmp_path / "job.json"
    named = {"from": "inline", "name": "entry", "path": "entry.yaml", "expected": ["tc3", "tc4"]}
    definitions = [own, {**named, "repository": entry}]
    shell = {"command": "lava_test_shell", "parameters": {"definitions": definitions}}
    image = {"image": str(EXAMPLES / "images" / "panda.img.gz")}
    deploy = {"command": "deploy_linaro_image", "parameters": image}
    job.write_text(job_text([], actions=[deploy, shell]))
    run = dispatch("--simulate", job)
    assert run.code == 1
    assert run.cases("panda01") == {
        "tc1": "pass", "other": "fail", "tc2": "fail", "tc3": "pass", "tc4": "fail",
    }  # fmt: skip
    junit = (run.directory / "results.xml").read_text()
    assert junit.count("<failure") == 3
    assert "'expected' has it, and it was not reported" in junit


def test_expected_cases_of_a_board_that_does_not_boot_are_missing(dispatch, tmp_path):
    """Expected cases fail in an action that fails before its tests, and in a skipped one."""
    definitions = [
        {"metadata": {"name": "t"}, "expected": [case], "run": {"steps": []}} for case in "ab"
    ]
    shells = [
        {"command": "lava_test_shell", "parameters": {"definitions": [each]}}
        for each in definitions
    ]
    image = {"image": str(EXAMPLES / "images" / "panda.img.gz")}
    deploy = {"command": "deploy_linaro_image", "parameters": image}
    job = tmp_path / "job.json"
    job.write_text(job_text([], actions=[deploy, *shells]))
    run = dispatch("--simulate", job, env={"LAVA_SIMULATED_FAULTS": "panda01:panic=login"})
    assert run.code == 3
    assert run.cases("panda01") == {"a": "fail", "b": "fail"}
    commands = run.results["nodes"]["panda01"]["actions"]
    assert [action["status"] for action in commands] == ["pass", "error", "skipped"]


def test_an_unknown_role_gives_2_with_its_place(dispatch, tmp_path):
    """An error of the job file is printed as FILE:LINE:COL: message, with a suggestion."""
    text = json.dumps(json.loads(job_text(["true"])), indent=1).replace(
        '"image":', '"role": "onyl",\n    "image":'
    )
    (tmp_path / "job.json").write_text(text)
    run = dispatch("--simulate", tmp_path / "job.json")
    assert run.code == 2
    line = next(n for n, text in enumerate(text.splitlines(), 1) if "onyl" in text)
    assert re.match(rf".*job\.json:{line}:\d+: .*onyl.*did you mean 'only'", run.err)
    assert not run.directory.exists()


def test_no_configured_boards_gives_4(dispatch, job):
    """Boards are never simulated implicitly; the error names the options."""
    run = dispatch(job("true"))
    assert run.code == 4
    assert "--simulate" in run.err
    assert "lava-multinode init" in run.err


def test_validate_lists_every_error_at_once(dispatch, tmp_path):
    """--validate prints all errors, sorted, and starts nothing."""
    job = json.loads(job_text(["true"]))
    job["timeout"] = "long"
    job["actions"][0]["parameters"]["imagee"] = 1
    job["actions"].append({"command": "lava_test_shel"})
    missing = {"testdef_urls": ["nowhere.yaml"], "role": "absent"}
    job["actions"].append({"command": "lava_test_shell", "parameters": missing})
    (tmp_path / "job.json").write_text(json.dumps(job, indent=1))
    run = dispatch("--validate", "--simulate", tmp_path / "job.json")
    assert run.code == 2
    lines = [line for line in run.err.splitlines() if re.match(r".*job\.json:\d+:\d+: ", line)]
    assert len(lines) == 5
    assert any("there is no file" in line and "nowhere.yaml" in line for line in lines)
    assert any("did you mean 'image'" in line for line in lines)
    assert any("did you mean 'lava_test_shell'" in line for line in lines)


def test_validate_knows_the_lab(dispatch, job, tmp_path):
    """Boards that do not exist are an error of the job, at the role that requests them."""
    devices = tmp_path / "lab" / "devices"
    devices.mkdir(parents=True)
    (devices / "panda01.yaml").write_text("device_type: panda\nconnection: {command: cat}\n")
    run = dispatch("--validate", "--config-dir", tmp_path / "lab", job("true", roles=(("a", 2),)))
    assert run.code == 2
    assert re.search(r"job\.json:\d+:\d+: .*role a needs 2 panda", run.err)


def test_a_job_without_tests_that_ran_gives_5(dispatch, job):
    """A run without any result does not pass."""
    run = dispatch("--simulate", job("true"))
    assert run.code == 5


def test_a_definition_that_stops_is_a_failure(dispatch, job):
    """The steps run under `set -e`, as in LAVA."""
    run = dispatch(
        "--simulate",
        job("lava-test-case a --shell true", "exit 7", "lava-test-case b --shell true"),
    )
    assert run.code == 1
    assert "b" not in run.cases("panda01")


def test_yaml_and_standard_input(dispatch):
    """JOB can be YAML and `-`; a job for one board needs no group."""
    image = json.loads(job_text([]))["actions"][0]["parameters"]["image"]
    text = f"""
timeout: 60
device_type: beagle-xm
actions:
- command: deploy_linaro_image
  parameters: {{image: {image.replace("panda", "beaglexm")}}}
- command: boot_linaro_image
- command: lava_test_shell
  parameters:
    definitions:
    - metadata: {{name: one, format: Lava-Test Test Definition 1.0}}
      run: {{steps: [lava-test-case alone --shell 'test "$(lava-group | wc -l)" -eq 1']}}
"""
    run = dispatch("--simulate", "-", stdin=text)
    assert run.code == 0, run.err
    assert run.cases("beaglexm01") == {"alone": "pass"}


def test_json_prints_the_results_alone(dispatch, job):
    """With --json, stdout is a document for programs; text for users goes to stderr."""
    run = dispatch("--simulate", "--json", job("lava-test-case x --shell true"))
    assert json.loads(run.out) == run.results


def test_the_multinode_action_meets_the_boards_calls(dispatch, tmp_path):
    """Calls of the multinode action and calls of the boards meet in one group."""
    definition = {
        "metadata": {"name": "t", "format": "Lava-Test Test Definition 1.0"},
        "run": {"steps": ["lava-test-case got --shell 'lava-wait go | grep -x speed=9'"]},
    }
    actions = [
        json.loads(job_text([]))["actions"][0],
        {"command": "multinode", "parameters": {"request": "lava-sync", "message_id": "powered"}},
        {
            "command": "multinode",
            "parameters": {
                "request": "lava-send",
                "message_id": "go",
                "message": {"speed": 9},
                "role": "a",
            },
        },
        {"command": "lava_test_shell", "parameters": {"definitions": [definition], "role": "b"}},
    ]
    (tmp_path / "job.json").write_text(job_text([], roles=(("a", 1), ("b", 1)), actions=actions))
    run = dispatch("--simulate", tmp_path / "job.json")
    assert run.code == 0, run.err
    assert run.cases("panda02") == {
        "multinode-sync-powered": "pass",
        "multinode-wait-go": "pass",
        "got": "pass",
    }


def test_a_deadlock_is_reported(dispatch, job):
    """A deadlock ends both waits after the grace period, not at the timeout."""
    run = dispatch(
        "--simulate",
        job(
            "case $(lava-role) in a) lava-wait x ;; b) lava-wait y ;; esac",
            roles=(("a", 1), ("b", 1)),
            more={"multinode": {"deadlock_grace": 1}},
        ),
    )
    assert run.code == 1
    assert "deadlock: " in run.out
    assert "panda01 waits for 'x' from panda02" in run.out
    assert "panda02 waits for 'y' from panda01" in run.out


def test_two_commands_do_not_disturb_each_other(dispatch, job, clean, tmp_path):
    """Two runs at once have simulated boards with the same names and do not interfere."""
    path = job("lava-sync both", "lava-test-case x --shell true", roles=(("a", 2),))
    other = subprocess.Popen(
        [COMMAND, "--simulate", "--output-dir", tmp_path / "other", path],
        env=clean,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    run = dispatch("--simulate", path)
    assert (run.code, other.wait(RUN_TIMEOUT_S)) == (0, 0)


def _wait_for(path, text):
    deadline = time.monotonic() + RUN_TIMEOUT_S
    while time.monotonic() < deadline:
        if path.exists() and text in path.read_text():
            return
        time.sleep(0.02)
    raise AssertionError(f"{text} never came")


@contextmanager
def _begun(environment, output, job):
    """Start a run with its output on pipes; kill it at the end if it still runs."""
    process = subprocess.Popen(
        [COMMAND, "--simulate", "--output-dir", output, job],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()


@pytest.mark.parametrize("often", [False, True])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_ends_tidily(job, clean, tmp_path, number, often):
    """Ctrl-C, once or repeatedly: boards off, no process left, results printed, exit code 130."""
    nap = f"sleep 1{os.getpid()}.{int(number)}"
    path = job("lava-test-case early --shell true", f"{nap} & {nap}")
    with _begun(clean, tmp_path / "out", path) as process:
        _wait_for(tmp_path / "out" / "events.jsonl", '"test_case"')
        process.send_signal(number)
        while often and process.poll() is None:  # Popen does not signal a reaped process
            process.send_signal(number)
            time.sleep(0.002)  # faster than a key repeats; Python would nest handlers
        out, err = process.communicate(timeout=RUN_TIMEOUT_S)
    assert process.returncode == 130, err
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    assert results["exit_code"] == 130
    assert results["nodes"]["panda01"]["results"][0]["case"] == "early"
    assert "power off" in (tmp_path / "out/nodes/panda01/console.log").read_text()
    assert "interrupted" in out
    left = subprocess.run(["pgrep", "-f", nap], capture_output=True, text=True)
    assert left.stdout == ""


def test_interrupted_while_it_begins(job, clean, tmp_path):
    """A run that is interrupted early still writes complete files."""
    with _begun(clean, tmp_path / "out", job("true")) as process:
        _wait_for(tmp_path / "out" / "events.jsonl", '"job_started"')
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=RUN_TIMEOUT_S)
    assert process.returncode == 130, err
    assert "interrupted" in out
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    assert results["exit_code"] == 130
    assert results["finished"]


@pytest.mark.parametrize("confinement", ["chroot", "unconfined"])
def test_the_weaker_confinements_run_jobs_too(dispatch, job, confinement):
    """Without namespaces, the same tests run on the same boards in a weaker confinement."""
    if confinement == "chroot":
        require("chroot")
    path = job(
        "lava-sync ready",
        "lava-send name is=$(lava-self)",
        "lava-test-case others --shell 'test $(lava-wait-all name | wc -l) = 1'",
        "lava-test-case cache --shell 'grep -q is= $LAVA_MULTI_NODE_CACHE'",
        roles=(("a", 1), ("b", 1)),
    )
    run = dispatch("--simulate", path, confinement=confinement)
    assert run.code == 0, run.err


def test_what_published_definitions_do(dispatch, job):
    """LAVA's variants work: set names at the end, words after --shell, text measurements."""
    run = dispatch(
        "--simulate",
        job(
            "lava-test-set start s",
            "lava-test-case a --shell exit 3",
            "lava-test-set stop s",
            "lava-test-case b --result pass --measurement v1.2 --units version",
            "lava-test-case c --shell true",
        ),
    )
    assert run.code == 1
    assert run.cases("panda01") == {"a": "fail", "b": "pass", "c": "pass"}
    first, second, _ = run.results["nodes"]["panda01"]["results"]
    assert (first["set"], second["set"]) == ("s", None)
    assert second["measurement"] == "v1.2"


def test_a_definition_s_own_words_for_results(dispatch, job):
    """fixupdict applies to lava-test-case, as in LAVA; an unknown result is a usage error."""
    steps = [
        "lava-test-case a --result good",
        "lava-test-case b --shell false",
        "lava-test-case c --result odd || lava-test-case refused --shell test $? = 2",
        "lava-test-case d --result good",
    ]
    parse = {"fixupdict": {"good": "pass", "fail": "skip"}}
    metadata = {"format": "Lava-Test Test Definition 1.0"}
    definitions = [
        {"metadata": metadata | {"name": "one"}, "run": {"steps": steps}, "parse": parse},
        {"metadata": metadata | {"name": "two"}, "run": {"steps": steps[-1:]}},
    ]
    path = job()
    written = json.loads(path.read_text())
    written["actions"][-1]["parameters"]["definitions"] = definitions
    path.write_text(json.dumps(written))
    run = dispatch("--simulate", path)
    assert run.code == 1
    found = [
        (r["definition"], r["case"], r["result"])
        for r in run.results["nodes"]["panda01"]["results"]
    ]
    assert found == [
        ("0_one", "a", "pass"),
        ("0_one", "b", "skip"),
        ("0_one", "refused", "pass"),
        ("0_one", "d", "pass"),
        ("1_two", "lava-test-shell-run", "fail"),
    ]


def test_results_behind_progress_displays(dispatch, job):
    """Pattern results, printed signals and calls are found in lines without a line end."""
    bar = "i=0; while [ $i -lt %d ]; do printf '\\r%%2d %%%% done ' $i; i=$((i+1)); done"
    path = job(
        bar % 150 + "; echo 'copy-long: fail'",
        bar % 2000 + "; printf '<LAVA_SIGNAL_TESTCASE TEST_CASE_ID=after-bar RESULT=fail>'",
        bar % 2000 + "; lava-test-case ours --result pass",
        bar % 2000 + "; lava-send go",
        "printf 'no-end: fail'",
    )
    content = json.loads(path.read_text())
    (definition,) = content["actions"][1]["parameters"]["definitions"]
    definition["parse"] = {"pattern": "(?P<test_case_id>[a-z-]+): (?P<result>pass|fail)"}
    path.write_text(json.dumps(content))
    run = dispatch("--simulate", path)
    assert run.code == 1
    assert run.cases("panda01") == {
        "copy-long": "fail",
        "after-bar": "fail",
        "ours": "pass",
        "multinode-send-go": "pass",
        "no-end": "fail",
    }


def test_a_test_cannot_end_the_run(dispatch, job):
    """A test that prints the runner's last line does not end the test shell."""
    forged = 'echo "<LAVA_TEST_RUNNER EXIT>"; cat $LAVA_DIR/bin/lava-test-runner'
    run = dispatch("--simulate", job(forged, "lava-test-case after --shell false"))
    assert run.code == 1
    assert run.cases("panda01") == {"after": "fail"}


def test_an_exit_on_the_way_is_not_green(dispatch, job):
    """`exit 0` in the middle of a definition is reported as a failure."""
    steps = ("lava-test-case a --shell true", "exit 0", "lava-test-case b --shell true")
    run = dispatch("--simulate", job(*steps))
    assert run.code == 1
    assert run.cases("panda01") == {"a": "pass", "lava-test-shell-run": "fail"}


def test_a_board_that_shuts_down_releases_its_peers(dispatch, job):
    """A test that powers off its board ends the run, well before the timeout."""
    run = dispatch(
        "--simulate",
        job(
            'if [ "$(lava-role)" = a ]; then poweroff; sleep 60; fi',
            "lava-wait x",
            roles=(("a", 1), ("b", 1)),
        ),
    )
    assert run.code == 3
    assert "the board was shut down while tests ran" in run.results["nodes"]["panda01"]["error"]
    (wait,) = run.results["waits"]
    assert (wait["node"], wait["outcome"]) == ("panda02", "never")


def test_validate_prints_problems_as_json(dispatch, job, tmp_path):
    """--validate --json prints all problems with positions on stdout, or an empty list."""
    (tmp_path / "wrong.json").write_text('{"timeout": 5,\n "job_name": 3}')
    run = dispatch("--validate", "--simulate", "--json", tmp_path / "wrong.json")
    assert run.code == 2
    problems = json.loads(run.out)
    assert {problem["line"] for problem in problems} >= {1, 2}
    assert all(problem["message"] for problem in problems)
    run = dispatch("--validate", "--simulate", "--json", job("true"))
    assert (run.code, json.loads(run.out)) == (0, [])
