"""parse.pattern and parse.fixupdict of a definition."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lava_dispatcher_multinode.testshell.patterns import Pattern
from lava_dispatcher_multinode.testshell.signals import Case

LAVA = r"(?P<test_case_id>.*-*)\s+:\s+(?P<result>(PASS|pass|FAIL|fail|SKIP|skip|UNKNOWN|unknown))"


def find(pattern, line):
    """Return the result in one line."""
    match = pattern.expression.search(line.decode("utf-8", "replace"))
    return match and pattern.case(match.groupdict())


def test_default_pattern_of_lava():
    """The expression that LAVA's documentation shows works."""
    pattern = Pattern.compile(LAVA)
    assert find(pattern, b"some-test-1 : PASS") == Case("some-test-1", "pass")
    assert find(pattern, b"nothing here") is None


def test_measurement_and_fixups():
    """Measurements, units and a test's own words are taken over."""
    pattern = Pattern.compile(
        r"^(?P<test_case_id>\w+) (?P<measurement>[\d.]+) (?P<units>\S+)( (?P<result>\w+))?",
        {"good": "pass"},
    )
    assert find(pattern, b"speed 1.5 MB/s good") == Case("speed", "pass", 1.5, "MB/s")
    assert find(pattern, b"speed 2 s") == Case("speed", "pass", 2.0, "s")
    assert find(pattern, b"speed 1.2.3 s odd") == Case("speed", "unknown", "1.2.3", "s")


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
