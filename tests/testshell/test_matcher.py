"""A definition's expression cannot hold up the dispatcher, whatever it is."""

from __future__ import annotations

import time

import pytest

from lava_dispatcher_multinode.testshell.matcher import Finder
from lava_dispatcher_multinode.testshell.patterns import Pattern
from lava_dispatcher_multinode.testshell.signals import Case

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
            Case("a", "pass"),
            Case("grün", "fail"),
        ]
    found.close()
    assert warnings == []


def test_exponential_time_ends():
    """A line that takes too long costs itself alone; too many of them, the search."""
    found, warnings = finder(SLOW, limit=0.5)
    slow = b"x" * 60
    start = time.monotonic()
    assert list(found.find([b"xxy pass", slow, b"xxxy pass"])) == [
        Case("xx", "pass"),
        Case("xxx", "pass"),
    ]
    assert len(warnings) == 1
    assert list(found.find([slow, slow, slow, slow, b"xxy pass"])) == []
    assert len(warnings) == 3
    assert warnings[2].startswith("the parse pattern takes longer than 0.5 s on one line; no more")
    assert time.monotonic() - start < 30
    found.close()


def test_a_process_that_ends():
    """An expression whose process ends, for want of memory say, is given up with a warning."""
    found, warnings = finder(SLOW)
    assert list(found.find([b"xxy pass"])) == [Case("xx", "pass")]
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
