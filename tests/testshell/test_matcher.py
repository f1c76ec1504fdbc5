"""A definition's expression cannot hold up the dispatcher, whatever it is."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lava_dispatcher_multinode.testshell.matcher import Finder, Pattern
from lava_dispatcher_multinode.testshell.signals import CaseResult

SLOW = r"(?P<test_case_id>(x+x+)+)y (?P<result>pass)"


def finder(expression, limit=20.0):
    """Return a finder and the list of its warnings."""
    warnings = []
    return Finder(Pattern.compile(expression), warnings.append, limit), warnings


def test_finds_in_order():
    """Results come in the order of the lines, again and again, from any bytes."""
    found, warnings = finder(r"(?P<test_case_id>\w+) (?P<result>\w+)")
    for _ in range(3):
        assert list(found.find([b"a pass", b"--", b"\xff\x00", "grün fail".encode()])) == [
            CaseResult("a", "pass"),
            CaseResult("grün", "fail"),
        ]
    found.close()
    assert warnings == []


def test_exponential_time_ends():
    """A line that takes too long is skipped; too many of them end the search."""
    found, warnings = finder(SLOW, limit=0.5)
    slow = b"x" * 60
    start = time.monotonic()
    assert list(found.find([b"xxy pass", slow, b"xxxy pass"])) == [
        CaseResult("xx", "pass"),
        CaseResult("xxx", "pass"),
    ]
    assert len(warnings) == 1
    assert list(found.find([slow, slow, slow, slow, b"xxy pass"])) == []
    assert len(warnings) == 3
    assert warnings[2].startswith("the parse pattern takes longer than 0.5 s on one line; no more")
    assert time.monotonic() - start < 30
    found.close()


def test_a_process_that_ends():
    """If the process of an expression ends, for example without memory, there is a warning."""
    found, warnings = finder(SLOW)
    assert list(found.find([b"xxy pass"])) == [CaseResult("xx", "pass")]
    found._matcher._process.kill()
    found._matcher._process.wait()
    assert list(found.find([b"xxy pass"])) == []
    assert warnings == ["the parse pattern takes too much memory on one line: 'xxy pass'"]
    found.close()


def test_an_expression_that_finds_too_much():
    """Its results can overlap, and be many times as large as the line."""
    found, warnings = finder(r"(?=(?P<test_case_id>x*)(?P<result>))x")
    assert list(found.find([b"x" * 8000, b"xx"])) != []
    assert warnings[0].startswith("the parse pattern takes too much memory on a long line")
    found.close()


@pytest.mark.parametrize("used", [False, True])
def test_close_twice(used):
    """It can be closed whether it began or not, and again."""
    found, _ = finder(SLOW)
    if used:
        assert list(found.find([b"none"])) == []
    found.close()
    found.close()


LAVA = r"(?P<test_case_id>.*-*)\s+:\s+(?P<result>(PASS|pass|FAIL|fail|SKIP|skip|UNKNOWN|unknown))"


def find(pattern, line):
    """Return the result in one line."""
    match = pattern.expression.search(line.decode("utf-8", "replace"))
    return match and pattern.case(match.groupdict())


def test_default_pattern_of_lava():
    """The expression that LAVA's documentation shows works."""
    pattern = Pattern.compile(LAVA)
    assert find(pattern, b"some-test-1 : PASS") == CaseResult("some-test-1", "pass")
    assert find(pattern, b"nothing here") is None


def test_measurement_and_fixups():
    """Measurements, units and a test's own words are taken over."""
    pattern = Pattern.compile(
        r"^(?P<test_case_id>\w+) (?P<measurement>[\d.]+) (?P<units>\S+)( (?P<result>\w+))?",
        {"good": "pass"},
    )
    assert find(pattern, b"speed 1.5 MB/s good") == CaseResult("speed", "pass", 1.5, "MB/s")
    assert find(pattern, b"speed 2 s") == CaseResult("speed", "pass", 2.0, "s")
    assert find(pattern, b"speed 1.2.3 s odd") == CaseResult("speed", "unknown", "1.2.3", "s")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("(", "not a regular expression"),
        ("(?P<result>x)", "test_case_id"),
        ("(?P<test_case_id>x)", "result"),
        ("a{99999999999999}", "not a regular expression"),
    ],
)
def test_bad_pattern(text, says):
    """A pattern that cannot work is an error with a sentence."""
    with pytest.raises(ValueError, match=says):
        Pattern.compile(text)


@given(st.binary(max_size=100))
def test_any_bytes(line):
    """Output that is no UTF-8 does no harm."""
    find(Pattern.compile(LAVA), line)
