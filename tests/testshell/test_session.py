"""The session against a scripted console: what it types, records, relays and raises."""

from __future__ import annotations

import threading

import pytest

from lava_dispatcher_multinode.console_frames import DataFrame
from lava_dispatcher_multinode.errors import (
    ActionTimeout,
    BoardDied,
    InfrastructureError,
    TestError,
)
from lava_dispatcher_multinode.multinode.api import Api, Call, Cause, Outcome, Status
from lava_dispatcher_multinode.testshell import runner
from lava_dispatcher_multinode.testshell.matcher import Pattern

from .conftest import BEGIN, END, EXIT, TOLD_EXIT, TYPED, Script, results, run, tell


def test_types_and_ends():
    """The command is typed with a newline, and the runner's end is the session's."""
    console = Script(
        b"# /runner /0\r\n<LAVA_TEST_RUNNER START /0>\r\n",
        b"<LAVA_TEST",
        b"_RUNNER EXIT>\r",
        b"\n# ",
    )
    assert run(console, start=b"") == ([], None)
    assert console.written == TYPED


def test_events_of_a_definition():
    """A definition and its results become events with every field."""
    console = Script(
        BEGIN,
        b"<LAVA_SIGNAL_TESTSET START s>\n<LAVA_SIGNAL_STARTTC c>\n<LAVA_SIGNAL_ENDTC c>\n",
        b"<LAVA_SIGNAL_TESTCASE TEST_CASE_ID=c RESULT=pass UNITS=s MEASUREMENT=2>\n",
        b"<LAVA_SIGNAL_ENDRUN 0_a u>\n",
        EXIT,
    )
    events, error = run(console)
    assert error is None
    assert events == [
        ("definition_started", {"node": "panda01", "definition": "0_a"}),
        (
            "test_case",
            {
                "node": "panda01",
                "definition": "0_a",
                "case": "c",
                "result": "pass",
                "measurement": 2.0,
                "units": "s",
                "set": "s",
                "start": 1.5,
                "end": 1.5,
            },
        ),
        ("definition_finished", {"node": "panda01", "definition": "0_a"}),
    ]


@pytest.mark.parametrize(
    ("end", "kind"),
    [
        (BoardDied("Kernel panic"), BoardDied),
        (b"<LAVA_SIGNAL_TESTRAISE enough>\n", TestError),
        (b"", ActionTimeout),
    ],
)
def test_cut_off(end, kind):
    """However a run is cut off, its results are kept and its definition finished."""
    case = b"<LAVA_SIGNAL_TESTCASE TEST_CASE_ID=c RESULT=pass>\n"
    events, error = run(Script(BEGIN, case, end), seconds=0.3)
    assert isinstance(error, kind)
    assert results(events) == {"c": "pass"}
    assert events[-1][0] == "definition_finished"


def test_cut_off_before_the_expected_cases():
    """At the deadline what the definition has not reported fails; so do those behind it."""
    case = b"<LAVA_SIGNAL_TESTCASE TEST_CASE_ID=c RESULT=pass>\n"
    events, error = run(
        Script(BEGIN, case), seconds=0.3, expected={"0_a": ["c", "d"], "1_b": ["e"]}
    )
    assert isinstance(error, ActionTimeout)
    assert [(f["definition"], f["case"], f["result"]) for e, f in events if e == "test_case"] == [
        ("0_a", "c", "pass"),
        ("0_a", "d", "fail"),
        ("1_b", "e", "fail"),
    ]


def test_a_runner_that_never_starts_is_not_the_test_s_failure():
    """A shell that does not answer any more is the board's."""
    _, error = run(Script(b"nothing like it\n", EXIT), seconds=0.2, start=b"")
    assert isinstance(error, InfrastructureError)
    assert not isinstance(error, ActionTimeout)


def test_a_timeout_names_the_waits():
    """At the deadline the error names the definition and the calls without an answer."""
    asked = [
        DataFrame(b"Q", b"ab-%d" % n, 1, 1, b"wait-all,r%d,role=server," % n) for n in range(5)
    ]
    console = Script(BEGIN, *(part.line() for part in asked))
    _, error = run(console, submit=lambda _call, _on_outcome: None, seconds=0.3)
    assert "definition 0_a was running" in str(error)
    assert "lava-wait-all r0 server has been unanswered for 0 s" in str(error)
    assert "and 2 more calls are unanswered" in str(error)


def test_a_call_that_is_left_behind_has_failed(monkeypatch):
    """An unanswered call is a failed result of its definition."""
    monkeypatch.setattr(runner, "LINGER_S", 0.2)
    request = DataFrame(b"Q", b"ab-1", 1, 1, b"wait,x,")
    console = Script(BEGIN, request.line(), END, EXIT)
    events, error = run(console, submit=lambda _call, _on_outcome: None)
    (case,) = [fields for event, fields in events if event == "test_case"]
    assert error is None
    assert (case["case"], case["result"], case["definition"]) == (
        "multinode-wait-x",
        "fail",
        "0_a",
    )


def test_an_answer_that_comes_late_is_its_definition_s(monkeypatch):
    """The result of a background call belongs to the definition that made it."""
    monkeypatch.setattr(runner, "LINGER_S", 0.2)
    request = DataFrame(b"Q", b"ab-1", 1, 1, b"wait,x,")
    waiting = []

    def answer():
        waiting[0](Outcome(Status.DONE))
        return END.replace(b"0_a", b"1_b") + EXIT

    second = BEGIN.replace(b"0_a", b"1_b")
    console = Script(BEGIN, request.line(), END + second, answer)
    events, _ = run(console, submit=lambda _, on_outcome: waiting.append(on_outcome))
    (case,) = [fields for event, fields in events if event == "test_case"]
    assert (case["definition"], case["result"]) == ("0_a", "pass")


def test_the_runner_before_is_not_this_one():
    """Late output of the previous runner has no effect on this one."""
    calls = []
    console = Script(
        b"<LAVA_TEST_RUNNER EXIT>\n<LAVA_TEST_RUNNER START /9>\n",
        tell(1, b"TEST_RUNNER", b"EXIT", b"/9"),
        DataFrame(b"Q", b"ab-2", 1, 1, b"send,late,").line(),
        tell(3, b"TEST_RUNNER", b"START", b"/9"),
        EXIT,
        tell(4, b"TEST_RUNNER", b"START", b"/0"),
        DataFrame(b"Q", b"ab-5", 1, 1, b"send,good,").line(),
        b"",
        tell(6, b"TEST_RUNNER", b"EXIT", b"/0"),
        EXIT,
    )

    def submit(call, on_outcome):
        calls.append(call.id)
        on_outcome(Outcome(Status.DONE))

    events, error = run(console, submit=submit, start=b"")
    assert (results(events), error, calls) == ({"multinode-send-good": "pass"}, None, ["good"])
    assert console.written.count(TYPED) == 1


def test_words_belong_to_their_definition():
    """A test's words for results apply to reports and lines; an unknown word is no result."""
    said = b"SIGNAL_TESTCASE TEST_CASE_ID=%b RESULT=good"
    printed = b"<LAVA_" + said + b">\n"
    told = tell(2, *(said % b"told").split())
    console = Script(
        printed % b"early",
        BEGIN,
        printed % b"printed",
        told,
        END,
        printed % b"late",
        EXIT,
        TOLD_EXIT,
    )
    events, error = run(console, fixups={"0_a": {"good": "pass"}})
    assert error is None
    assert results(events) == {"printed": "pass", "told": "pass"}
    warnings = [f["text"] for e, f in events if e == "log" and f["level"] == "WARNING"]
    assert warnings == [
        f"not understood: <LAVA_{(said % b).decode()}>" for b in (b"early", b"late")
    ]


def test_patterns_apply_to_their_definition():
    """A pattern sees its own definition's output, and no other's."""
    pattern = Pattern.compile(r"(?P<test_case_id>\w+)=(?P<result>\w+)")
    console = Script(b"x=pass\n", BEGIN, b"y=pass\n<LAVA_SIGNAL_STARTRUN 1_b u>\nz=pass\n", EXIT)
    assert results(run(console, patterns={"0_a": pattern})[0]) == {"y": "pass"}


def test_outcome_from_another_thread():
    """An outcome from another thread wakes the session, which answers the board."""
    request = DataFrame(b"Q", b"ab-1", 1, 1, b"wait,x,")
    console = Script(request.line())
    calls = []

    def submit(call, on_outcome):
        calls.append(call)

        def later():
            on_outcome(Outcome(Status.NEVER, (), Cause.ABORTED, {"text": "gone"}))
            console.chunks.append(TOLD_EXIT)
            console.wake()

        threading.Timer(0.05, later).start()

    events, error = run(console, submit=submit)
    assert error is None
    assert calls == [Call(Api.WAIT, "x", request_id="ab-1")]
    assert results(events) == {"multinode-wait-x": "fail"}
