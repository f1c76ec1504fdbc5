"""Events from signals."""

from __future__ import annotations

import pytest

from lava_dispatcher_multinode.errors import TestError, TestRaised
from lava_dispatcher_multinode.testshell import case_results as results_module
from lava_dispatcher_multinode.testshell.case_results import MAX_STARTED, ResultRecorder
from lava_dispatcher_multinode.testshell.matcher import Pattern
from lava_dispatcher_multinode.testshell.signals import (
    CaseResult,
    EndRun,
    InstallFail,
    Raise,
    RunFail,
    StartCase,
    StartRun,
    StartSet,
    StopSet,
    Unknown,
)


class Log:
    """Records events; as a clock, it advances by one second per reading."""

    def __init__(self):
        self.events = []
        self.time = 0.0

    def emit(self, event, **fields):
        """Keep an event."""
        self.events.append((event, fields))

    def clock(self):
        """Return the time."""
        self.time += 1.0
        return self.time

    def cases(self, *names):
        """Return these fields of each result."""
        return [tuple(f[n] for n in names) for e, f in self.events if e == "test_case"]


def record(*signals, patterns=None, expected=None):
    """Return the log of these signals and the recorder."""
    log = Log()
    recorder = ResultRecorder("n", log.emit, log.clock, patterns, expected=expected)
    for signal in signals:
        recorder.record_signal(signal)
    return log, recorder


def test_times_of_a_case():
    """A case that was begun has both times; one that only has a result has its end."""
    log, _ = record(StartCase("a"), CaseResult("a", "pass"), CaseResult("b", "fail"))
    assert log.cases("case", "start", "end") == [("a", 1.0, 2.0), ("b", None, 3.0)]


def test_sets_end_with_their_definition():
    """A set that was not stopped does not reach into the next definition."""
    log, _ = record(
        StartRun("0_a"),
        StartSet("s"),
        CaseResult("x", "pass"),
        StopSet(),
        CaseResult("y", "pass"),
        StartSet("t"),
        StartRun("1_b"),
        CaseResult("z", "pass"),
    )
    assert log.cases("definition", "case", "set") == [
        ("0_a", "x", "s"),
        ("0_a", "y", None),
        ("1_b", "z", None),
    ]


def test_definitions_are_finished_once():
    """Each definition has one end, whether its ENDRUN came, or the next began, or all is over."""
    log, recorder = record(StartRun("0_a"), StartRun("1_b"), EndRun("1_b"), EndRun("1_b"))
    recorder.finish()
    assert [(e, f["definition"]) for e, f in log.events] == [
        ("definition_started", "0_a"),
        ("definition_finished", "0_a"),
        ("definition_started", "1_b"),
        ("definition_finished", "1_b"),
    ]


def test_failures_of_the_runner():
    """A definition that did not install, or ended early, fails under its own name."""
    log, _ = record(InstallFail("0_a"), StartRun("1_b"), RunFail("1_b", "2"), InstallFail(None))
    assert log.cases("definition", "case", "result", "error") == [
        ("0_a", "lava-test-shell-install", "fail", "an install step failed"),
        ("1_b", "lava-test-shell-run", "fail", "exit code 2 before its last step"),
        (None, "lava-test-shell-install", "fail", "an install step failed"),
    ]


MISSING = "the definition's 'expected' has it, and it was not reported"


def test_expected_cases():
    """A missing case fails, as does one that is not expected, whatever its result, as in LAVA."""
    log, _ = record(
        StartRun("0_a"),
        CaseResult("tc1", "skip"),
        CaseResult("other", "pass"),
        CaseResult("odd", "fail"),
        CaseResult("linked", "pass", reference="https://x/y"),
        EndRun("0_a"),
        StartRun("1_b"),
        CaseResult("other", "pass"),
        expected={"0_a": ["tc1", "tc3", "tc2", "linked"]},
    )
    unexpected = "the definition's 'expected' does not have it; its result was 'pass'"
    assert [
        tuple(f.get(n) for n in ("definition", "case", "result", "error"))
        for e, f in log.events
        if e == "test_case"
    ] == [
        ("0_a", "tc1", "skip", None),
        ("0_a", "other", "fail", unexpected),
        ("0_a", "odd", "fail", None),
        ("0_a", "linked", "pass", None),
        ("0_a", "linked", "fail", MISSING),
        ("0_a", "tc2", "fail", MISSING),
        ("0_a", "tc3", "fail", MISSING),
        ("1_b", "other", "pass", None),
    ]


def test_expected_cases_of_a_pattern():
    """As in LAVA, a pattern's results count as reported, and none of them is unexpected."""
    pattern = Pattern.compile("(?P<test_case_id>[ab]) (?P<result>pass)")
    log, recorder = record(
        StartRun("0_a"), patterns={"0_a": pattern}, expected={"0_a": ["a", "c"]}
    )
    recorder.search_output([b"a pass", b"b pass"])
    recorder.finish()
    assert log.cases("case", "result") == [("a", "pass"), ("b", "pass"), ("c", "fail")]


@pytest.mark.parametrize(
    "end", [RunFail("0_a", "2"), InstallFail("0_a"), StartRun("1_b"), StartRun("0_a")]
)
def test_a_definition_that_breaks_off_misses_its_cases(end):
    """However it ends: it fails, or the next begins."""
    log, _ = record(StartRun("0_a"), CaseResult("a", "pass"), end, expected={"0_a": ["a", "b"]})
    assert log.cases("definition", "case", "result").count(("0_a", "b", "fail")) == 1
    assert log.cases("case").count(("a",)) == 1


def test_expected_cases_have_room(monkeypatch):
    """Missing cases are recorded also after too many results."""
    monkeypatch.setattr(results_module, "MAX_RESULTS", 3)
    log, recorder = record(StartRun("0_a"), CaseResult("x", "fail"), expected={"0_a": ["b"]})
    with pytest.raises(TestRaised, match="more than 3 results"):
        recorder.record_signal(CaseResult("y", "fail"))
    recorder.finish()
    assert log.cases("case") == [("x",), ("b",)]


def test_raise():
    """A raise is a TestError with its message, of bounded length."""
    with pytest.raises(TestError, match="lava-test-raise: x+$") as caught:
        record(Raise("x" * 100_000))
    assert len(str(caught.value)) < 5000


def test_pattern_of_the_definition_only():
    """Output is searched only while a definition with a pattern runs."""
    pattern = Pattern.compile("(?P<test_case_id>a) (?P<result>pass)")
    log, recorder = record(StartRun("1_b"), patterns={"0_a": pattern})
    assert not recorder.wants_output
    recorder.record_signal(StartRun("0_a"))
    assert recorder.wants_output
    recorder.search_output([b"a pass", b"b pass"])
    recorder.finish()
    assert log.cases("definition", "case") == [("0_a", "a")]


def test_bounds():
    """Cases that begin and never end, and long remarks, do not fill memory."""
    log, recorder = record(*(StartCase(str(n)) for n in range(MAX_STARTED + 50)))
    recorder.record_signal(Unknown("x" * 100_000))
    recorder.record_signal(CaseResult(str(MAX_STARTED + 1), "pass"))
    assert len(log.events[0][1]["text"]) < 5000
    assert log.cases("start") == [(None,)]


def test_results_without_end_end_the_tests(monkeypatch):
    """Endless results must not use up the memory; those up to the limit are recorded."""
    monkeypatch.setattr(results_module, "MAX_RESULTS", 3)
    log, recorder = record(*(CaseResult(f"c{number}", "pass") for number in range(3)))
    with pytest.raises(TestRaised, match="more than 3 results of one lava_test_shell"):
        recorder.record_signal(CaseResult("c3", "fail"))
    recorder.record_signal(CaseResult("c4", "pass"))
    recorder.finish()
    assert log.cases("case") == [("c0",), ("c1",), ("c2",)]


def test_definitions_without_end_end_the_tests(monkeypatch):
    """The same holds for definitions, of which a forged signal can make any number."""
    monkeypatch.setattr(results_module, "MAX_RESULTS", 2)
    _log, recorder = record(StartRun("0_a"), StartRun("1_b"))
    with pytest.raises(TestRaised, match="more than 2 results"):
        recorder.record_signal(StartRun("2_c"))
    recorder.record_signal(StartRun("3_d"))
    assert recorder.begun == {"0_a", "1_b"}
