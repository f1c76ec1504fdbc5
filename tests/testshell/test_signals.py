"""What LAVA's scripts print, and what else stands on a console."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lava_dispatcher_multinode.multinode.api import Api, Call
from lava_dispatcher_multinode.testshell import signals
from lava_dispatcher_multinode.testshell.signals import (
    MAX_SEEN,
    CaseResult,
    EndCase,
    EndRun,
    Info,
    InstallFail,
    LegacyCall,
    Raise,
    RunFail,
    RunnerExit,
    RunnerStart,
    SeenSignals,
    StartCase,
    StartRun,
    StartSet,
    StopSet,
    Unknown,
)


def found(line):
    """Return the signals in a line."""
    raw = line.encode() if isinstance(line, str) else line
    return [signals.parse_signal(text) for text, _ in signals.find_texts(raw)]


LINES = {
    "<LAVA_SIGNAL_STARTRUN 0_smoke 1-2-3>": StartRun("0_smoke"),
    "<LAVA_SIGNAL_ENDRUN 0_smoke 1-2-3>": EndRun("0_smoke"),
    "<LAVA_SIGNAL_STARTTC boot>": StartCase("boot"),
    "<LAVA_SIGNAL_ENDTC boot>": EndCase("boot"),
    "<LAVA_SIGNAL_TESTCASE TEST_CASE_ID=a RESULT=pass>": CaseResult("a", "pass"),
    "<LAVA_SIGNAL_TESTCASE TEST_CASE_ID=a b RESULT=FAIL UNITS=MB/s MEASUREMENT=1e3>": CaseResult(
        "a b", "fail", 1000.0, "MB/s"
    ),
    "<LAVA_SIGNAL_TESTCASE RESULT=skip TEST_CASE_ID=x=y>": CaseResult("x=y", "skip"),
    "<LAVA_SIGNAL_TESTCASE TEST_CASE_ID=a RESULT=pass MEASUREMENT=nan>": CaseResult(
        "a", "pass", "nan"
    ),
    "<LAVA_SIGNAL_TESTCASE TEST_CASE_ID=a RESULT=pass MEASUREMENT=fast>": CaseResult(
        "a", "pass", "fast"
    ),
    "<LAVA_SIGNAL_TESTCASE TEST_CASE_ID=a RESULT=pass MEASUREMENT= >": CaseResult("a", "pass"),
    "<LAVA_SIGNAL_TESTCASE TEST_CASE_ID=a RESULT=pass MEASUREMENT=-inf>": CaseResult(
        "a", "pass", "-inf"
    ),
    "<LAVA_SIGNAL_TESTSET START net tests>": StartSet("net tests"),
    "<LAVA_SIGNAL_TESTSET STOP>": StopSet(),
    "<LAVA_SIGNAL_TESTREFERENCE a pass http://x/?y=z>": CaseResult(
        "a", "pass", reference="http://x/?y=z"
    ),
    "<LAVA_SIGNAL_TESTRAISE it is no good>": Raise("it is no good"),
    "<LAVA_SIGNAL_TESTEVENT now>": Info("event", "now"),
    "<LAVA_SIGNAL_TESTFEEDBACK host>": Info("feedback", "host"),
    "<LAVA_TEST_RUNNER START>": RunnerStart(),
    "<LAVA_TEST_RUNNER START /lava-7/0>": RunnerStart("/lava-7/0"),
    "<LAVA_TEST_RUNNER EXIT>": RunnerExit(),
    "<LAVA_TEST_RUNNER INSTALL_FAIL>": InstallFail(None),
    "<LAVA_TEST_RUNNER INSTALL_FAIL 1_x>": InstallFail("1_x"),
    "<LAVA_TEST_RUNNER RUN_FAIL 1_x 2>": RunFail("1_x", "2"),
}


@pytest.mark.parametrize("line", LINES)
def test_each_line(line):
    """Every line of LAVA's scripts and of the runner is parsed."""
    assert found(line) == [LINES[line]]


def test_anywhere_and_several():
    """Signals are found behind other output, and more than one on a line."""
    line = b"progress 100%<LAVA_SIGNAL_ENDTC a> \x1b[0m<LAVA_SIGNAL_TESTSET STOP>\x00"
    assert found(line) == [EndCase("a"), StopSet()]


@pytest.mark.parametrize(
    "line",
    [
        "<LAVA_SIGNAL_TESTCASE TEST_CASE_ID=a RESULT=good>",
        "<LAVA_SIGNAL_TESTCASE RESULT=pass>",
        "<LAVA_SIGNAL_TESTCASE>",
        "<LAVA_SIGNAL_WHAT ever>",
        "<LAVA_SIGNAL_TESTSET START>",
        "<LAVA_SIGNAL_STARTRUN >",
        "<LAVA_TEST_RUNNER SOMETHING>",
        "<LAVA_SIGNAL_TESTREFERENCE a b>",
        "<LAVA_SIGNAL_TESTREFERENCE a pass>",
        "<LAVA_SIGNAL_TESTREFERENCE a pass x y>",
        "<LAVA_SIGNAL_TESTSET STO net>",
        "<LAVA_SIGNAL_TESTSET STAR net>",
    ],
)
def test_damaged_is_unknown(line):
    """Unknown signals are reported unchanged."""
    assert found(line) == [Unknown(line)]


@pytest.mark.parametrize("line", ["", "LAVA_SIGNAL_ENDTC a", "<LAVA_SIGNAL_ENDTC a", "<LAVA_>"])
def test_other_text_is_none(line):
    """Other text is no signal."""
    assert found(line) == []


def test_what_stands_around_signals_and_frames():
    """The text around signals and frames is searched for results."""
    line = b"a 1<LAVA_SIGNAL_ENDTC x>b 2<LAVA_MN A a-1 12>c 3"
    assert signals.text_around(line) == [b"a 1", b"b 2", b"c 3"]
    assert signals.text_around(b"pass") == [b"pass"]


def test_a_signal_may_be_as_long_as_a_line():
    """A longer text is `Unknown`: it consists of several lines."""
    text = b"SIGNAL_ENDTC " + b"x" * (16384 - 13)
    assert signals.parse_signal(text) == EndCase("x" * (16384 - 13))
    assert isinstance(signals.parse_signal(text + b"x"), Unknown)


def test_words_of_a_test():
    """As in LAVA, fixupdict is applied to the exact word, LAVA's own words included."""
    fixups = {"good": "pass", "fail": "SKIP"}
    said = b"SIGNAL_TESTCASE TEST_CASE_ID=a RESULT="
    for word, result in {
        b"good": "pass",
        b"fail": "skip",
        b"FAIL": "fail",
        b"pass": "pass",
    }.items():
        assert signals.parse_signal(said + word, fixups) == CaseResult("a", result)
    for word in (b"GOOD", b"bad", b""):
        assert isinstance(signals.parse_signal(said + word, fixups), Unknown)
    reference = b"SIGNAL_TESTREFERENCE a %b http://x"
    assert signals.parse_signal(reference % b"fail", fixups) == CaseResult(
        "a", "fail", reference="http://x"
    )
    assert isinstance(signals.parse_signal(reference % b"good", fixups), Unknown)


def test_foreign_sends():
    """A send that LAVA's own script prints is a call; the waiting calls are not."""
    line = "<LAVA_MULTI_NODE> <LAVA_SEND ready ip=1.2.3.4 text=two words=x my-key= k=a=b>"
    assert found(line) == [
        LegacyCall(
            line,
            Call(
                Api.SEND,
                "ready",
                {"ip": "1.2.3.4", "text": "two", "words": "x", "my-key": "", "k": "a=b"},
            ),
        )
    ]
    for line in ("<LAVA_MULTI_NODE> <LAVA_WAIT ready>", "<LAVA_MULTI_NODE> <LAVA_SEND a=b>"):
        assert found(line) == [LegacyCall(line, None)]


def test_mark():
    """The mark of a printed copy is recognised, also if noise has removed half of it."""
    text = b"SIGNAL_TESTCASE TEST_CASE_ID=a RESULT=pass"
    for behind, marked in ((b"~~~~", True), (b"x~~~", True), (b"~~", True), (b" ~", False)):
        assert list(signals.find_texts(b"x<LAVA_" + text + b">" + behind)) == [(text, marked)]


def test_torn_by_the_kernel():
    """A kernel message with '>' inside a signal makes it `Unknown`."""
    text = "SIGNAL_TESTSET START net[   12.345678] eth0: link -"
    assert found(f"<LAVA_{text}> up\r") == [Unknown(text)]


def test_the_last_of_two_beginnings():
    """A signal that was cut off does not swallow the one behind it on its line."""
    line = "<LAVA_SIGNAL_STARTTC a<LAVA_SIGNAL_TESTSET STOP>"
    assert found(line) == [StopSet()]


#: What the parser knows by name, among what it does not.
NAMES = [
    *("STARTRUN", "ENDRUN", "STARTTC", "ENDTC", "TESTCASE", "TESTSET", "TESTREFERENCE"),
    *("TESTRAISE", "TESTEVENT", "TESTFEEDBACK"),
]
FIELDS = ["TEST_CASE_ID=", "RESULT=", "MEASUREMENT=", "UNITS=", "START", "STOP", "pass", "nan"]
WORDS = st.lists(st.sampled_from([*NAMES, *FIELDS, "", "=", "a=b=c", "\xff", "\n"]), max_size=6)


@example(["x", "k=a=b"], " ")
@given(WORDS, st.sampled_from([" ", "  ", "=", ""]))
def test_known_names_with_any_words_are_no_exception(words, between):
    """A known name with wrong arguments is `Unknown`."""
    inside = between.join(words).encode("latin-1")
    for name in NAMES:
        found(b"<LAVA_SIGNAL_" + name.encode() + b" " + inside + b">")
    found(b"<LAVA_TEST_RUNNER " + inside + b">")
    found(b"<LAVA_MULTI_NODE> <LAVA_SEND " + inside + b">")


@given(st.binary(max_size=200), st.binary(max_size=60))
def test_never_an_exception(junk, inside):
    """No bytes at all make the parser fail."""
    for line in (
        junk,
        b"<LAVA_SIGNAL_" + inside + b">",
        b"<LAVA_TEST_RUNNER " + inside + b">",
        b"<LAVA_SIGNAL_TESTCASE " + inside + b">",
        b"<LAVA_MULTI_NODE> <LAVA_SEND " + inside + b">",
    ):
        found(line)


@given(st.lists(st.sampled_from([b"a", b"b", b"c"]), max_size=50))
def test_each_is_claimed_once(texts):
    """Each copy is recognised once, in any order."""
    seen = SeenSignals()
    for text in texts:
        seen.add(text)
    assert all(seen.discard_copy(text) for text in reversed(texts))
    assert not any(seen.discard_copy(text) for text in texts)


def test_the_oldest_go():
    """Memory is limited: the oldest are forgotten."""
    seen = SeenSignals()
    for number in range(MAX_SEEN + 1):
        seen.add(b"%d" % number)
    assert not seen.discard_copy(b"0")
    assert seen.discard_copy(b"1")
