"""LAVA's log lines as events: results of tests, LAVA's own results, and other lines."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lava_dispatcher_multinode.errors import InfrastructureError, InvalidJob, TestError, TestRaised
from lava_dispatcher_multinode.lava.log import LavaLog
from lava_dispatcher_multinode.testshell import case_results


@pytest.fixture
def log():
    """A log with its events (`log.events`) and the console output (`log.printed`)."""
    return make()


def make(tests=({"test": {}},)):
    """Return a log that records its output."""
    events, printed = [], []
    made = LavaLog(
        "n", lambda event, **fields: events.append((event, fields)), lambda: 1.0, printed.append,
        [{"deploy": {}}, {"boot": {}}, *tests],
    )  # fmt: skip
    made.events, made.printed = events, printed
    return made


def feed(log, *entries):
    """Feed the log entries of (level, message)."""
    for level, message in entries:
        log.handle_line(json.dumps({"dt": "x", "lvl": level, "msg": message}).encode() + b"\n")


def named(log, *names):
    """Return the events of these names, without the node."""
    return [
        (event, {key: value for key, value in fields.items() if key != "node"})
        for event, fields in log.events
        if event in names
    ]


def test_actions_are_the_blocks(log):
    """LAVA's levels without a dot, by the names in the job."""
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
    """LAVA reports the error type only at the end of the job; the duration is known earlier."""
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
    """Results of definitions, not LAVA's own; a number as text becomes a number."""
    log.handle_line(b'{"dt": "x", "lvl": "debug", "msg": "Received signal: <STARTTC> speed"}')
    log.handle_line(
        b'{"dt": "x", "lvl": "results", "msg": {"case": "speed", "definition": "0_t", '
        b'"endtc": ! "9", "measurement": ! "42.5", "result": "pass", "set": "s", "units": "MB/s"}}'
    )
    feed(
        log,
        (
            "results",
            {"definition": "lava", "case": "login-action", "level": "2.4", "result": "fail"},
        ),
        (
            "results",
            {"definition": "lava", "case": "multinode-test", "level": "3", "result": "fail"},
        ),
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


def test_too_many_results_end_a_block_as_on_an_own_board(log, monkeypatch):
    """Results up to the limit are recorded, then the tests end with the reason; per block."""
    monkeypatch.setattr(case_results, "MAX_RESULTS", 3)
    case = ("results", {"definition": "0_t", "case": "c", "result": "pass"})
    started, ended = (("info", f"{word} test lava.0_t (7)") for word in ("Starting", "Ending"))
    feed(log, ("info", "start: 2 lava-test-retry"), started, case, case, ended)
    feed(log, ("info", "start: 3 lava-test-retry"), case, case, case)
    assert log.raised is None
    feed(log, started, ended, case)
    error = {"definition": "lava", "case": "lava-test-retry", "level": "3", "result": "fail"}
    feed(log, ("results", error | {"extra": {"fail": "The job was canceled"}}))
    job = {"definition": "lava", "case": "job", "result": "fail", "error_type": "Canceled"}
    feed(log, ("results", job | {"error_msg": "The job was canceled"}))
    log.close(str(log.raised))
    assert isinstance(log.raised, TestRaised)
    assert str(log.raised) == "more than 3 results of one lava_test_shell"
    assert len(named(log, "test_case")) == 5
    assert len(named(log, "definition_started", "definition_finished")) == 2
    _, (_, last) = named(log, "action_finished")
    assert (last["status"], last["error"]) == ("error", str(log.raised))


def test_the_last_word(log):
    """LAVA's verdict on its job: error type and message."""
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
    """Console lines go to the console; a traceback on stderr is reported, not lost."""
    feed(log, ("target", "hello <b>"), ("feedback", "late"), ("debug", "noise"), ("error", "bad"))
    log.handle_line(b"Traceback (most recent call last):\n")
    log.handle_line(b"\n")
    assert log.printed == [b"hello <b>\n", b"late\n"]
    said = [(f["level"], f["text"]) for _, f in named(log, "log")]
    assert said == [("ERROR", "bad"), ("WARNING", "Traceback (most recent call last):")]


@given(
    st.lists(st.binary(max_size=200) | st.from_regex(rb'\{"lvl": "results", "msg": [^\n]{0,40}'))
)
def test_nothing_breaks_it(lines):
    """Output of a board or a library between the entries cannot end the node's reader."""
    log = make()
    for line in lines:
        log.handle_line(line)
    log.close()


STARTED = ("info", "Starting test lava.0_t (7)")


@pytest.mark.parametrize(
    ("then", "by"),
    [
        (("info", "Starting test lava.1_u (8)"), "1_u begins"),
        (("info", "Ending test lava.1_u (8), duration 0.1"), "1_u ends"),
        (
            ("info", "start: 4 lava-test-retry (timeout 00:01:00) [common]"),
            "lava-test-retry begins",
        ),
    ],
)
def test_a_definition_that_lava_drops_has_failed(log, then, by):
    """LAVA has no result of it; its log has a start and no end."""
    feed(log, ("info", "start: 3 lava-test-retry (timeout 00:01:00) [common]"), STARTED, then)
    (_, found) = named(log, "test_case")[0]
    assert (found["definition"], found["case"], found["result"]) == (
        "0_t",
        "lava-test-shell-run",
        "fail",
    )
    assert found["error"] == f"LAVA's log has its start and no end: {by}"


@pytest.mark.parametrize(("error", "by"), [(None, "the log ends"), ("killed", "killed")])
def test_a_definition_that_never_ends_has_failed(log, error, by):
    """The log ends first; the reason is what has ended the log."""
    feed(log, ("info", "start: 3 lava-test-retry (timeout 00:01:00) [common]"), STARTED)
    log.close(error)
    ((_, found),) = named(log, "test_case")
    assert found["error"] == f"LAVA's log has its start and no end: {by}"
    assert named(log, "definition_finished") == [("definition_finished", {"definition": "0_t"})]


@pytest.mark.parametrize(
    ("case", "definition", "name"),
    [
        ("0_t", "0_t", "lava-test-shell-run"),
        ("3_script", "3_script", "lava-test-shell-run"),  # of an interactive test
        ("stage_0", "lava", "stage_0"),
        ("log-upload", "lava", "log-upload"),
    ],
)
def test_a_fail_of_lavas_own_counts(log, case, definition, name):
    """LAVA reports such a job as complete all the same."""
    feed(log, STARTED, ("results", {"definition": "lava", "case": case, "result": "fail"}))
    found = named(log, "test_case")[0][1]
    assert (found["definition"], found["case"], found["result"]) == (definition, name, "fail")
    assert found["error"]


def test_an_action_that_lava_tries_again_is_no_failed_test(log):
    """Such a result has a level, like the messages of a kernel that was restarted."""
    fail = {"definition": "lava", "result": "fail", "level": "2.4.1", "extra": {"fail": "no"}}
    feed(log, ("info", "start: 2 uboot-action (timeout 00:01:00) [common]"))
    feed(log, *(("results", fail | {"case": case}) for case in ("reset", "kernel-messages")))
    assert named(log, "test_case") == []


def test_a_result_that_lava_has_left_out_of_its_log_is_no_pass(log):
    """LAVA leaves out lines that are too long, so the result is unknown."""
    feed(log, ("results", {"skip": "line way too long ..."}))
    feed(log, ("results", {"definition": "lava", "case": "job", "result": "pass"}))
    with pytest.raises(InfrastructureError, match="lacks a result: its line is too long"):
        log.raise_failure(0)


def test_a_result_that_is_no_word_of_lavas_is_unknown(log):
    """A reference can have any word; events have four."""
    feed(log, ("results", {"definition": "0_t", "case": "doc", "result": "PASS"}))
    assert named(log, "test_case")[0][1]["result"] == "unknown"


@pytest.mark.parametrize(
    ("extra", "failed"),
    [
        ((), ["u", "u"]),
        ([("info", "Starting test lava.1_u (8)"), ("info", "Ending test lava.1_u (8)")], ["u"]),
        ([("info", "Ending test lava.1_u (8)"), ("info", "Ending test lava.2_u (9)")], []),
        ([("results", {"definition": "lava", "case": "multinode-test", "level": "3",
           "result": "fail", "extra": {"fail": "slow"}})], []),
    ],
    ids=["unseen", "one of two", "starts lost", "skipped after a timeout"],
)  # fmt: skip
def test_a_definition_that_lava_has_not_run_has_failed(extra, failed):
    """LAVA takes the printed end of the runner for the end; later definitions are lost."""
    names = [["t", "u"], ["u", "no signal's name"]]
    blocks = [{"test": {"definitions": [{"name": name} for name in block]}} for block in names]
    log = make(blocks)
    feed(log, ("info", "start: 3 multinode-test (timeout 00:01:00) [common]"), STARTED)
    feed(log, ("info", "Ending test lava.0_t (7), duration 0.1"), *extra)
    feed(log, ("info", "start: 5 finalize (timeout 00:01:00) [common]"))
    feed(log, ("results", {"definition": "lava", "case": "job", "result": "pass"}))
    log.close()
    found = [fields for _, fields in named(log, "test_case")]
    assert [(f["definition"], f["result"]) for f in found] == [(name, "fail") for name in failed]
    assert all(f["error"] == "LAVA's log has neither its start nor its end" for f in found)


def ended(code, *, failure=None, finished=True, validated=True, left_on=None, last=""):
    """Raise the failure of a process with this exit code and log."""
    log = LavaLog("n", lambda *_, **__: None, lambda: 0.0, lambda _: None, [])
    log.failure, log.finished, log.validated = failure, finished, validated
    log.left_on, log.last = left_on, last
    log.raise_failure(code)


def test_a_successful_end():
    """Exit code 0 and a successful job result; failed cases count elsewhere."""
    ended(0)


@pytest.mark.parametrize(
    ("code", "state", "kind", "said"),
    [
        (0, {"finished": False}, InfrastructureError, "exited with 0 before its job ended"),
        (137, {"finished": False}, InfrastructureError, "killed by SIGKILL"),
        (1, {}, InfrastructureError, "exited with 1"),
        (1, {"last": "NoError: x"}, InfrastructureError, "its job ended: NoError: x$"),
        (128 + 77, {}, InfrastructureError, "killed by signal 77"),
        (0, {"left_on": "no PDU"}, InfrastructureError, "NOT switched the board off: no PDU"),
        (1, {"failure": ("Test", "deadlock")}, TestError, "deadlock"),
        (0, {"failure": ("Infrastructure", "no power")}, InfrastructureError, "no power"),
        (1, {"failure": ("Job", "no url"), "validated": False}, InvalidJob, "no url"),
    ],
)
def test_each_bad_end_has_its_kind(code, state, kind, said):
    """LAVA's own error if it reported one, else how its process ended."""
    with pytest.raises(kind, match=said):
        ended(code, **state)
