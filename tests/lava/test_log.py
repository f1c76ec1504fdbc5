"""LAVA's log lines as events: what counts, what is LAVA's own, and what is no entry at all."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lava_dispatcher_multinode.errors import TestRaised
from lava_dispatcher_multinode.lava.log import Log
from lava_dispatcher_multinode.testshell import results


@pytest.fixture
def log():
    """A log with its events (`log.events`) and what the board printed (`log.printed`)."""
    return make()


def make():
    """Return a log that keeps what it makes."""
    events, printed = [], []
    made = Log(
        "n", lambda event, **fields: events.append((event, fields)), lambda: 1.0, printed.append,
        ["deploy", "boot", "test"],
    )  # fmt: skip
    made.events, made.printed = events, printed
    return made


def feed(log, *entries):
    """Give a log entries of (level, message)."""
    for level, message in entries:
        log.line(json.dumps({"dt": "x", "lvl": level, "msg": message}).encode() + b"\n")


def named(log, *names):
    """Return the events of these names, without the node."""
    return [
        (event, {key: value for key, value in fields.items() if key != "node"})
        for event, fields in log.events
        if event in names
    ]


def test_actions_are_the_blocks(log):
    """LAVA's levels without a dot, by the names that the job gives them."""
    feed(
        log,
        ("info", "start: 0 validate"),
        ("info", "start: 1 tftp-deploy (timeout 00:10:00) [common]"),
        ("debug", "start: 1.1 download-retry (timeout 00:10:00) [common]"),
        ("info", "end: 1 tftp-deploy (duration 00:00:03) [common]"),
        ("info", "start: 2 uboot-action (timeout 00:05:00) [common]"),
        ("info", "end: 2 uboot-action (duration 00:00:03) [common]"),
        (
            "results",
            {"definition": "lava", "case": "uboot-action", "level": "2", "result": "fail",
             "extra": {"fail": "no prompt"}},
        ),
        ("info", "start: 4 finalize (timeout 00:01:00) [common]"),
    )  # fmt: skip
    log.close()
    found = named(log, "action_started", "action_finished")
    assert [(e, f["index"], f["command"], f.get("status"), f.get("error")) for e, f in found] == [
        ("action_started", 0, "deploy", None, None),
        ("action_finished", 0, "deploy", "pass", None),
        ("action_started", 1, "boot", None, None),
        ("action_finished", 1, "boot", "error", "no prompt"),
    ]
    assert log.validated
    assert ("step", {"text": "download-retry"}) in named(log, "step")


@pytest.mark.parametrize(
    ("kind", "status"),
    [("Test", "fail"), ("MultinodeTimeout", "fail"), ("Infrastructure", "error")],
)
def test_an_action_fails_as_its_job_does(log, kind, status):
    """Whose fault it was LAVA tells only at the end; how long it took is known before."""
    word = {"definition": "lava", "result": "fail"}
    feed(
        log,
        ("info", "start: 1 multinode-test (timeout 00:10:00) [common]"),
        ("results", word | {"case": "multinode-test", "level": "1", "extra": {"fail": "hangs"}}),
        ("info", "start: 4 finalize (timeout 00:01:00) [common]"),
        ("results", word | {"case": "job", "error_type": kind, "error_msg": "hangs"}),
    )
    log.close("hangs, says LAVA")
    ((_, action),) = named(log, "action_finished")
    assert (action["status"], action["error"], action["seconds"]) == (status, "hangs", 0)


def test_a_board_that_stays_on(log):
    """LAVA's job is complete all the same."""
    power = {"definition": "lava", "case": "power-off", "level": "4.1", "result": "fail"}
    feed(
        log,
        ("info", "start: 4 finalize (timeout 00:01:00) [common]"),
        ("results", power | {"extra": {"fail": "Unable to power-off: 'x' failed"}}),
        ("exception", "Traceback (most recent call last):\n  File 1\nSomeError: no PDU\n"),
        ("results", {"definition": "lava", "case": "job", "result": "pass"}),
    )
    assert (log.left_on, log.failure) == ("Unable to power-off: 'x' failed", None)
    assert named(log, "log") == [("log", {"level": "ERROR", "text": "SomeError: no PDU"})]


def test_an_action_that_is_cut_off_is_an_error(log):
    """Its process was killed."""
    feed(log, ("info", "start: 1 lava-overlay (timeout 00:01:00) [common]"))
    log.close()
    assert named(log, "action_finished")[0][1]["status"] == "error"


def test_results_are_test_cases(log):
    """Of definitions, not LAVA's own; text that stands for a number is one."""
    log.line(b'{"dt": "x", "lvl": "debug", "msg": "Received signal: <STARTTC> speed"}')
    log.line(
        b'{"dt": "x", "lvl": "results", "msg": {"case": "speed", "definition": "0_t", '
        b'"endtc": ! "9", "measurement": ! "42.5", "result": "pass", "set": "s", "units": "MB/s"}}'
    )
    feed(
        log,
        ("results", {"definition": "lava", "case": "login-action", "result": "fail"}),
        ("results", {"definition": "lava", "case": "multinode-test", "result": "fail"}),
        ("results", {"definition": "lava", "case": "multinode-wait-x", "result": "fail"}),
    )
    (_, speed), (_, call) = named(log, "test_case")
    assert speed == {
        "definition": "0_t", "case": "speed", "result": "pass", "measurement": 42.5,
        "units": "MB/s", "set": "s", "start": 1.0, "end": 1.0,
    }  # fmt: skip
    assert (call["definition"], call["case"], call["result"]) == (
        "lava",
        "multinode-wait-x",
        "fail",
    )


def test_results_without_end_are_for_a_block_what_they_are_for_a_board_of_ours(log, monkeypatch):
    """So many are recorded, and then it is said why the tests have to end; each block has room."""
    monkeypatch.setattr(results, "MAX_RESULTS", 3)
    case = ("results", {"definition": "0_t", "case": "c", "result": "pass"})
    started = ("info", "Starting test lava.0_t (7)")
    feed(log, ("info", "start: 2 lava-test-retry"), started, case, case)
    feed(log, ("info", "start: 3 lava-test-retry"), case, case, case)
    assert log.raised is None
    feed(log, started, ("info", "Ending test lava.0_t (7)"), case)
    error = {"definition": "lava", "case": "lava-test-retry", "level": "3", "result": "fail"}
    feed(log, ("results", error | {"extra": {"fail": "The job was canceled"}}))
    job = {"definition": "lava", "case": "job", "result": "fail", "error_type": "Canceled"}
    feed(log, ("results", job | {"error_msg": "The job was canceled"}))
    log.close(str(log.raised))
    assert isinstance(log.raised, TestRaised)
    assert str(log.raised) == "more than 3 results of one lava_test_shell"
    assert len(named(log, "test_case")) == 5
    assert len(named(log, "definition_started", "definition_finished")) == 1
    _, (_, last) = named(log, "action_finished")
    assert (last["status"], last["error"]) == ("error", str(log.raised))


def test_the_last_word(log):
    """LAVA's verdict on its job: the kind of its error and the message."""
    feed(log, ("results", {"definition": "lava", "case": "job", "result": "pass"}))
    assert (log.finished, log.failure) == (True, None)
    job = {
        "definition": "lava",
        "case": "job",
        "result": "fail",
        "error_type": "Job",
        "error_msg": "m",
    }
    feed(log, ("results", job))
    assert log.failure == ("Job", "m")


def test_what_the_board_printed_and_what_went_wrong(log):
    """The console's lines go to the console; a traceback on stderr is told, not lost."""
    feed(log, ("target", "hello <b>"), ("feedback", "late"), ("debug", "noise"), ("error", "bad"))
    log.line(b"Traceback (most recent call last):\n")
    log.line(b"\n")
    assert log.printed == [b"hello <b>\n", b"late\n"]
    said = [(f["level"], f["text"]) for _, f in named(log, "log")]
    assert said == [("ERROR", "bad"), ("WARNING", "Traceback (most recent call last):")]


@given(
    st.lists(st.binary(max_size=200) | st.from_regex(rb'\{"lvl": "results", "msg": [^\n]{0,40}'))
)
def test_nothing_breaks_it(lines):
    """What a board or a library prints between the entries cannot end the node's reader."""
    log = make()
    for line in lines:
        log.line(line)
    log.close()
