"""Nodes under LAVA's dispatcher in whole runs; the devices are shells in namespaces."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import time
from pathlib import Path

import pytest
import yaml

from ...needs import LAVA_VERSIONS, lava
from ..conftest import LAVAS_TMP, LIMIT, definition, lava_job, lava_test, mixed_job

pytestmark = pytest.mark.usefixtures("installed")
CACHE = "/tmp/lava_multi_node_cache.txt"
#: lava-dispatch with a limit of 20 results per test shell. Its shutdown grace is short, as LAVA of
#: 2023 may ignore a request to end.
FEW = """
import sys
from lava_dispatcher_multinode.testshell import case_results
case_results.MAX_RESULTS = 20
from lava_dispatcher_multinode.run import lava_node
lava_node.LAVA_SHUTDOWN_GRACE_S = 8
from lava_dispatcher_multinode.commands.dispatch import main
sys.exit(main(sys.argv[1:]))
"""


def family(pid):
    """Return the descendants of `pid`, with their command lines."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                parents[int(entry.name)] = int(fields[1])
            except OSError:
                continue
    found, waiting = {}, [pid]
    while waiting:
        above = waiting.pop()
        for child in (child for child, parent in parents.items() if parent == above):
            try:
                found[child] = Path(f"/proc/{child}/cmdline").read_bytes().decode()
            except OSError:
                continue
            waiting.append(child)
    return found


def alive(pid):
    """Return True if the process exists and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def until(condition, seconds=LIMIT):
    """Wait until `condition`, about another process, is true; return its value."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError("it has not happened in time")


def events_of(directory):
    """Return the text of the events so far."""
    path = directory / "events.jsonl"
    return path.read_text() if path.exists() else ""


@pytest.mark.parametrize("version", LAVA_VERSIONS)
def test_two_boards_under_lava(dispatch, environ, version):
    """A LAVA job on two devices under LAVA: every call, values both ways, one results.json."""
    environ["LAVA_DISPATCHER_PATH"] = lava(version)
    run = dispatch(
        lava_job(
            {"server": {}, "client": {}},
            lava_test(
                "serve", ["server"],
                "lava-sync up", "lava-send ready ipaddr=10.0.0.1 port=80", "lava-wait done",
                f"lava-test-case got-it --shell grep -q rate=941 {CACHE}",
                "lava-test-case rate --result pass --measurement 42.5 --units MB/s",
                "lava-sync bye",
            ),
            lava_test(
                "ask", ["client"],
                "lava-sync up", "lava-wait ready",
                f"lava-test-case address --shell grep -q ipaddr=10.0.0.1 {CACHE}",
                "lava-send done rate=941", "lava-wait-all ready server", "lava-sync bye",
            ),
        )
    )  # fmt: skip
    assert run.code == 0, run.err
    assert run.cases("dut-01") == {
        "multinode-sync-up": "pass", "multinode-send-ready": "pass", "multinode-wait-done": "pass",
        "got-it": "pass", "rate": "pass", "multinode-sync-bye": "pass",
    }  # fmt: skip
    assert run.cases("dut-02")["address"] == "pass"
    assert run.cases("dut-02")["multinode-wait_all-ready"] == "pass"
    rate = next(r for r in run.results["nodes"]["dut-01"]["results"] if r["case"] == "rate")
    assert (rate["measurement"], rate["units"], rate["definition"]) == (42.5, "MB/s", "0_serve")
    sent = {(m["from"], m["id"]) for m in run.results["messages"]}
    assert {("dut-01", "ready"), ("dut-02", "done")} <= sent
    actions = [a["command"] for a in run.results["nodes"]["dut-01"]["actions"]]
    assert actions == ["deploy", "boot", "test"]
    console = (run.directory / "nodes/dut-01/console.raw").read_text()
    assert "<LAVA_SIGNAL_STARTRUN 0_serve" in console


def test_an_own_job_on_both_kinds_of_boards(dispatch):
    """A device under LAVA and a simulated panda synchronise; messages have the devices' names."""
    run = dispatch(
        mixed_job(
            ["lava-sync up", "lava-send addr ip=10.0.0.1", "lava-wait pong",
             f"lava-test-case pong --shell grep -q n=1 {CACHE}",
             "lava-wait-all pong client", "lava-sync bye"],
            ["lava-sync up", "test \"$(lava-wait addr)\" = ip=10.0.0.1", "lava-send pong n=1",
             "lava-test-case addr --shell grep -q dut-01:ip=10.0.0.1 " + CACHE, "lava-sync bye"],
        )
    )  # fmt: skip
    assert run.code == 0, run.err
    assert run.cases("dut-01")["pong"] == "pass"
    assert run.cases("panda01")["addr"] == "pass"


def test_words_for_results_mean_the_same_on_both_kinds_of_boards(dispatch, tmp_path):
    """The fixupdict also applies to lava-test-case; an unknown word gives no result."""
    steps = [
        "lava-test-case a --result good",
        "lava-test-case b --shell false",
        "lava-test-case c --result odd || true",
        "lava-test-reference d --result fail --reference x",
    ]
    parse = {
        "pattern": "(?P<test_case_id>e) is (?P<result>.*)",
        "fixupdict": {"good": "pass", "fail": "skip"},
    }
    (tmp_path / "defs").mkdir()
    (tmp_path / "defs" / "lavatest.yaml").write_text(
        yaml.safe_dump(definition("d", *steps) | {"parse": parse})
    )
    job = mixed_job([], [])
    for action in job["actions"][1:]:
        parameters = action["parameters"]
        del parameters["definitions"]
        parameters["testdef_repos"] = [{"git-repo": "defs"}]
    run = dispatch(job)
    assert run.code == 1, run.err
    assert run.cases("dut-01") == run.cases("panda01") == {"a": "pass", "b": "skip", "d": "fail"}


def test_a_directory_and_calls_of_the_dispatcher(dispatch, tmp_path):
    """A definition's files reach LAVA's device; calls work before and after its boot."""
    files = tmp_path / "defs"
    files.mkdir()
    (files / "lavatest.yaml").write_text(
        "metadata: {name: d, format: Lava-Test Test Definition 1.0}\n"
        "params: {WORD: here}\n"
        """run: {steps: [./go.sh, 'lava-test-case word --shell test "$WORD" = there']}\n"""
    )
    (files / "go.sh").write_text("#!/bin/sh\nlava-test-case script --result pass\n")
    (files / "go.sh").chmod(0o755)
    send = {"request": "lava-send", "message_id": "before"}
    repos = [{"git-repo": "defs", "parameters": {"WORD": "there"}}]
    run = dispatch(
        {
            "job_name": "j",
            "timeout": 60,
            "device_group": [{"role": "a", "device_type": "shell"}],
            "actions": [
                {"command": "multinode", "parameters": send},
                {"command": "lava_test_shell", "parameters": {"testdef_repos": repos}},
                {"command": "multinode", "parameters": {**send, "message_id": "after"}},
            ],
        }
    )
    assert run.code == 0, run.err
    assert run.cases("dut-01") == {
        "script": "pass",
        "word": "pass",
        "multinode-send-after": "pass",
    }
    assert [message["id"] for message in run.results["messages"]] == ["before", "after"]


def test_a_failed_case_is_a_failed_run(dispatch):
    """LAVA's own exit code is 0 in this case."""
    job = lava_job({"only": {}}, lava_test("t", ["only"], "lava-test-case no --shell false"))
    run = dispatch(job)
    assert run.code == 1, run.err
    assert run.cases("dut-01") == {"no": "fail"}


def test_a_wait_that_cannot_be_satisfied_is_no_pass(dispatch):
    """LAVA would record a pass and continue with the definition."""
    run = dispatch(
        lava_job(
            {"a": {}, "b": {}},
            lava_test("t", ["a"], "lava-wait never", "lava-test-case after --result pass"),
            lava_test("u", ["b"], "lava-test-case fine --result pass"),
        )
    )
    assert run.code == 1, run.err
    ended = {"lava-test-shell-run": "fail"}  # as on a device driven here, the definition ends
    assert run.cases("dut-01") == {"multinode-wait-never": "fail"} | ended
    assert "dut-02 finished" in run.results["nodes"]["dut-01"]["error"]


def test_one_of_lavas_processes_is_killed(begin, lab, tmp_path):
    """The other nodes fail at once, with the reason; its device is off and no process is left."""
    path = lab / "devices" / "dut-01.dict"
    dictionary = yaml.safe_load(path.read_text())
    dictionary["commands"]["power_off"] = [f"touch {tmp_path / 'off'}"]
    path.write_text(yaml.safe_dump(dictionary))
    job = mixed_job(["lava-sync up", "sleep 90"], ["lava-sync up", "lava-wait never"])
    process = begin(job)
    until(lambda: '"api":"wait","id":"never"' in events_of(tmp_path / "out"))
    found = family(process.pid)
    victim = next(pid for pid, words in found.items() if words.startswith("lava-run"))
    board = next(
        pid for pid, words in found.items() if "dut.sh" in words or words.endswith("-i\0")
    )
    number = re.search(r"job: ([0-9]+)", found[victim])[1]
    assert (LAVAS_TMP / number).is_dir()
    os.kill(victim, signal.SIGKILL)
    killed = time.monotonic()
    _, err = process.communicate(timeout=LIMIT)
    assert time.monotonic() - killed < 15
    assert process.returncode == 3, err
    text = events_of(tmp_path / "out")
    assert "LAVA's dispatcher was killed by SIGKILL" in text
    assert "LAVA's dispatcher was killed: switching the board off" in text
    assert (tmp_path / "off").exists()
    assert "dut-01 failed: LAVA's dispatcher was killed" in text
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    assert "killed by SIGKILL" in results["nodes"]["dut-01"]["actions"][-1]["error"]
    assert not Path(f"/proc/{board}").exists()
    assert not (LAVAS_TMP / number).exists(), "what LAVA leaves behind when it is killed"


def test_results_without_end_end_the_tests(begin, lab, tmp_path):
    """As on a device driven here; LAVA is asked to end, and switches its device off."""
    path = lab / "devices" / "dut-01.dict"
    dictionary = yaml.safe_load(path.read_text())
    dictionary["commands"]["power_off"] = [f"touch {tmp_path / 'off'}"]
    path.write_text(yaml.safe_dump(dictionary))
    # Slower than a shell can print: otherwise LAVA loses characters and gives up by itself.
    flood = "while :; do lava-test-case a --result pass; done"
    process = begin(mixed_job([flood], ["lava-wait never"]), [sys.executable, "-c", FEW])
    _, err = process.communicate(timeout=LIMIT)
    assert process.returncode == 1, err
    nodes = json.loads((tmp_path / "out" / "results.json").read_text())["nodes"]
    flooded, error = nodes["dut-01"], "more than 20 results of one lava_test_shell"
    assert (flooded["status"], flooded["error_type"], flooded["error"]) == ("error", "test", error)
    assert flooded["actions"][-1]["status"] == "error"
    assert flooded["actions"][-1]["error"] == error
    assert len(flooded["results"]) == 19  # one more is the definition
    assert f"dut-01 failed: {error}" in nodes["panda01"]["error"]
    assert (tmp_path / "off").exists()


def test_an_interruption_ends_lava_too(begin, tmp_path):
    """Ctrl-C: LAVA switches its device off, and none of its processes outlives the run."""
    process = begin(lava_job({"only": {}}, lava_test("t", ["only"], "sleep 90")))
    until(lambda: '"definition":"0_t"' in events_of(tmp_path / "out"))
    found = family(process.pid)
    assert any(words.startswith("lava-run") for words in found.values())
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=LIMIT)
    assert process.returncode == 130, err
    assert not [pid for pid in found if Path(f"/proc/{pid}").exists()]


def test_a_killed_dispatcher_leaves_lavas_board_off(begin, lab, tmp_path):
    """kill -9: LAVA is asked to end once, and its own power-off runs to its end."""
    switched = tmp_path / "switched"
    path = lab / "devices" / "dut-01.dict"
    dictionary = yaml.safe_load(path.read_text())
    off = tmp_path / "off.sh"
    off.write_text(f"#!/bin/sh\necho begun >> {switched}; sleep 1; echo off >> {switched}\n")
    off.chmod(0o755)
    dictionary["commands"]["power_off"] = str(off)
    path.write_text(yaml.safe_dump(dictionary))
    (lab / "devices" / "dut-02.yaml").unlink()
    process = begin(lava_job({"only": {}}, lava_test("t", ["only"], "sleep 90")))
    until(lambda: '"definition":"0_t"' in events_of(tmp_path / "out"))
    found = family(process.pid)
    lavas = next(words for words in found.values() if words.startswith("lava-run"))
    number = re.search(r"job: ([0-9]+)", lavas)[1]
    process.kill()
    _, err = process.communicate(timeout=LIMIT)  # the supervisor has the same stderr
    assert "its boards are off" in err
    assert switched.read_text() == "begun\noff\n"
    until(lambda: not [pid for pid in found if alive(pid)], 10)  # the supervisor ends last
    assert not (LAVAS_TMP / number).exists()


def test_what_lava_refuses_is_the_jobs_fault(dispatch):
    """Found before the device is used: exit code 2, with LAVA's message."""
    job = lava_job({"only": {}})
    job["actions"][1]["boot"]["method"] = "grub"
    run = dispatch(job)
    assert run.code == 2, run.err
    assert "LAVA:" in run.results["nodes"]["dut-01"]["error"]


def test_an_essential_role_takes_the_others_with_it(dispatch):
    """LAVA's `essential`: the other nodes do not continue for minutes without it."""
    started = time.monotonic()
    run = dispatch(
        lava_job(
            {"key": {"essential": True}, "other": {}},
            lava_test("t", ["key"], "lava-sync up", "lava-test-raise no-network"),
            lava_test("u", ["other"], "lava-sync up", "sleep 90"),
        )
    )
    assert time.monotonic() - started < 60
    assert run.code == 1, run.err
    nodes = run.results["nodes"]
    assert "no-network" in nodes["dut-01"]["error"]
    assert nodes["dut-02"]["error_type"] == "cancelled"
    assert "of an essential role, has failed" in run.err


@pytest.mark.parametrize("version", LAVA_VERSIONS)
def test_a_value_and_its_sender_on_a_board_of_lavas(dispatch, environ, version):
    """Devices have their names in LAVA's scripts, too."""
    environ["LAVA_DISPATCHER_PATH"] = lava(version)
    run = dispatch(
        lava_job(
            {"one": {}, "two": {}},
            lava_test("t", ["one"], "lava-send a k=v 'w=x y'", "lava-sync end"),
            lava_test(
                "u", ["two"], "lava-wait-all a one",
                f'lava-test-case from --shell grep -qx "$(lava-group one):k=v" {CACHE}',
                f'lava-test-case words --shell grep -qx "dut-01:w=x.y" {CACHE}',
                'lava-test-case self --shell test "$(lava-self)" = dut-02',
                'lava-test-case group --shell test '
                '"$(lava-group | tr "\\t\\n" =,)" = dut-01=one,dut-02=two,',
                "lava-sync end",
            ),
        )
    )  # fmt: skip
    assert run.code == 0, run.err
    assert [run.cases("dut-02")[case] for case in ("from", "words", "self", "group")] == (
        ["pass"] * 4
    )


@pytest.mark.parametrize("program", ["reaper.py", "lava-dispatch"])
def test_lava_ends_when_its_parent_is_killed(begin, tmp_path, program):
    """The device is switched off and no process is left, even without the parent process."""
    process = begin(lava_job({"only": {}}, lava_test("t", ["only"], "sleep 90")))
    until(lambda: '"definition":"0_t"' in events_of(tmp_path / "out"))
    found = family(process.pid)
    keeper = next(pid for pid, words in found.items() if "reaper.py" in words)
    lava = [keeper, *family(keeper)]
    assert len(lava) > 2
    number = next(filter(None, (re.search(r"job: ([0-9]+)", words) for words in found.values())))[
        1
    ]
    os.kill(keeper if program == "reaper.py" else process.pid, signal.SIGKILL)
    until(lambda: not [pid for pid in lava if alive(pid)], 60)
    process.communicate(timeout=LIMIT)
    until(lambda: not (LAVAS_TMP / number).exists())
