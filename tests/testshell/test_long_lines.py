"""Results at any position of the output: behind progress displays, in endless lines."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lava_dispatcher_multinode.console_frames import DataFrame
from lava_dispatcher_multinode.errors import ActionTimeout
from lava_dispatcher_multinode.testshell.matcher import Finder, Pattern
from lava_dispatcher_multinode.testshell.signals import CaseResult
from lava_dispatcher_multinode.testshell.windows import (
    LARGE_WINDOW_CHARS,
    SMALL_WINDOW_CHARS,
    Window,
    Windows,
    split_window,
)

from .conftest import BEGIN, END, EXIT, TOLD_EXIT, Script, chunks, results, run, tell

PERCENT = b"".join(b"\r%2d %% done " % (number % 100) for number in range(2000))
CASE = b"<LAVA_SIGNAL_TESTCASE TEST_CASE_ID=%b RESULT=fail>"
PADDING = st.sampled_from([1000, 1023, 8191, 16383, 16384, 20_000, 65_530, 100_000]).flatmap(
    lambda size: st.sampled_from([b".", b"\r1 %", b'{"a": 1}, ', b"<-->"]).map(
        lambda text: (text * size)[:size]
    )
)
CUTS = st.lists(st.integers(0, 250_000), max_size=6)


def reported(events):
    """Return the results of the events in order."""
    return [(f["case"], f["result"]) for e, f in events if e == "test_case"]


@given(PADDING, PADDING, CUTS)
def test_signals_are_found_once(before, between, cuts):
    """Signals are found at any position of a line, in any chunks."""
    data = before + CASE % b"one" + between + CASE % b"two" + b"\n"
    events, error = run(Script(BEGIN, *chunks(data, cuts), END, EXIT))
    assert error is None
    assert reported(events) == [("one", "fail"), ("two", "fail")]


@given(PADDING, CUTS)
def test_calls_are_found_once(before, cuts):
    """A frame of the console channel, and a call as LAVA's own scripts print it."""
    request = DataFrame(b"Q", b"ab-1", 1, 1, b"send,go,k=v,").line()
    data = before + b"<LAVA_MULTI_NODE> <LAVA_SEND ready>" + before + request
    console = Script(BEGIN, *chunks(data, cuts), b"", TOLD_EXIT)
    events, error = run(console)
    assert error is None
    assert sorted(reported(events)) == [
        ("multinode-send-go", "pass"),
        ("multinode-send-ready", "pass"),
    ]
    assert console.written.count(b"<LAVA_MN R ab-1 ") == 1


def test_a_mark_is_of_its_own_signal():
    """A test's signal without a newline counts, although a marked signal follows in the line."""
    told = [b"SIGNAL_TESTCASE", b"TEST_CASE_ID=b", b"RESULT=pass"]
    line = b"<LAVA_" + b" ".join(told) + b">~~~~\n"
    events, _ = run(Script(BEGIN, tell(1, *told), PERCENT + CASE % b"a" + line, END, TOLD_EXIT))
    assert sorted(reported(events)) == [("a", "fail"), ("b", "pass")]


def test_the_last_line_has_no_end():
    """Results in an unfinished line count at the deadline."""
    pattern = Pattern.compile(r"(?P<test_case_id>[a-z-]+): (?P<result>pass|fail)")
    events, error = run(
        Script(BEGIN, PERCENT + b"c: fail " + CASE % b"d"), seconds=0.3, patterns={"0_a": pattern}
    )
    assert isinstance(error, ActionTimeout)
    assert results(events) == {"c": "fail", "d": "fail"}


def test_a_pattern_finds_what_stands_around_signals():
    """In the same line, in order, and not in the signals."""
    pattern = Pattern.compile(r"(?P<test_case_id>[a-zA-Z_]+)[:=] ?(?P<result>pass|fail)")
    line = PERCENT + b"a: fail " + CASE % b"s" + b"b: pass" + CASE % b"t" + b"~c: fail\n"
    events, _ = run(Script(BEGIN, line, END, EXIT), patterns={"0_a": pattern})
    assert dict(reported(events)) == {
        "a": "fail", "s": "fail", "b": "pass", "t": "fail", "c": "fail",
    }  # fmt: skip


@pytest.fixture(scope="module")
def finder():
    """A finder, whose process is the same for all examples."""
    warnings = []
    pattern = Pattern.compile(r"(?P<test_case_id>[a-z0-9-]+): (?P<result>pass|fail)")
    found = Finder(pattern, warnings.append, 60.0)
    yield found
    found.close()
    assert not warnings


@given(PADDING, PADDING, CUTS)
def test_patterns_are_found_once(finder, before, between, cuts):
    """Signals are found at any position of a line, in any chunks."""
    pieces = chunks(before + b" copy-long: fail" + between + b"\xff b: pass", cuts)
    found = [c for piece in pieces[:-1] for c in finder.find([piece], ends=False)]
    found += finder.find(pieces[-1:])
    assert found == [CaseResult("copy-long", "fail"), CaseResult("b", "pass")]


@given(st.integers(0, 3 * LARGE_WINDOW_CHARS))
def test_edges_of_windows(finder, size):
    """A result is found once and complete, wherever a window ends."""
    text = (size * "." + "abcdefghij-0123456789: pass" + 2 * LARGE_WINDOW_CHARS * ".").encode()
    assert list(finder.find([text])) == [CaseResult("abcdefghij-0123456789", "pass")]


@given(st.text(".x", max_size=300), st.integers(8, 40), st.integers(8, 40))
def test_windows_of_windows(text, size, smaller):
    """Cut again, they are the same text; each but the first has a character in front."""
    whole = Window(text, 0, 0, ends=True)
    small = [
        each for one in split_window(whole, size) for each in split_window(one, min(size, smaller))
    ]
    place = 0
    for each in small:
        assert text.startswith(each.text, place)
        place += each.shift
    assert small[-1].ends


@pytest.mark.parametrize(
    ("expression", "text", "cases"),
    [
        (r"^(?P<test_case_id>\w+): (?P<result>pass)", "a: pass b: pass", ["a"]),
        (r"^(?P<test_case_id>\w+): (?P<result>pass)", 5000 * "." + " a: pass", []),
        (r"^(?P<test_case_id>\w+): (?P<result>pass)", 5000 * "a: pass ", ["a"]),
        (r"(?P<test_case_id>\w+): (?P<result>pass)$", 5000 * "a: pass " + "b: pass", ["b"]),
        (r"(?P<test_case_id>\w+): (?P<result>pass)$", "a: pass" + 20_000 * ".", []),
        (r"\b(?P<test_case_id>x+): (?P<result>pass)", 20_000 * "y" + "x: pass", []),
        (r"(?P<test_case_id>\w+): (?P<result>pass).*", "a: pass" + 20_000 * ".", ["a"]),
        (r"(?P<test_case_id>\w+): (?P<result>pass)", 3 * "a: pass ", ["a", "a", "a"]),
        (r"(?P<test_case_id>[a-z]) .*(?P<result>pass)$", "a " + 9000 * "." + "pass", []),
        (r"(?=(?P<test_case_id>\w+): (?P<result>pass))", "abc: pass", ["abc"]),
    ],
)  # fmt: skip
def test_anchors_mean_the_line(expression, text, cases):
    """Anchors match at the ends of the line, not of a window."""
    found = Finder(Pattern.compile(expression), pytest.fail, 60.0)
    assert [case.case for case in found.find([text.encode()])] == cases
    found.close()


def test_a_slow_expression_gets_less_of_long_lines():
    """An expression of quadratic time finds short results, with a warning."""
    warnings = []
    pattern = Pattern.compile(r"(?P<test_case_id>x*x?end-\w+) (?P<result>fail)")
    found = Finder(pattern, warnings.append, 0.4)
    start = time.monotonic()
    for _ in range(2):
        line = 20_000 * b"x" + b" end-a fail" + 600 * b"."
        assert list(found.find([b"short end-b fail", line, b"end-c fail"])) == [
            CaseResult("end-b", "fail"), CaseResult("end-a", "fail"), CaseResult("end-c", "fail"),
        ]  # fmt: skip
    found.close()
    (warning,) = warnings
    assert warning.startswith("the parse pattern takes longer than 0.1 s on a long line; from")
    assert warning.endswith(
        f"it finds results of at most {SMALL_WINDOW_CHARS // 2} characters in lines of more than "
        f"{SMALL_WINDOW_CHARS}"
    )
    assert time.monotonic() - start < 60


def test_an_endless_line_is_not_kept():
    """The kept part of a line is limited to a window."""
    windows = Windows()
    for _ in range(100):
        assert len(windows.feed([10_000 * b"."], ends=False)) < 5
        assert len(windows._text) <= LARGE_WINDOW_CHARS + 1
