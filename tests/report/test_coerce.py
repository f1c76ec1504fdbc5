"""Values of untrusted events."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lava_dispatcher_multinode.report import coerce


@pytest.mark.parametrize(
    ("given_", "expected"),
    [
        (3, 3),
        (2.5, 2.5),
        ("3", 3),
        (" -4 ", -4),
        ("1e3", 1000.0),
        ("0x10", "0x10"),
        ("fast", "fast"),
        ("", None),
        (None, None),
        (True, None),
        ("nan", "nan"),
        (float("inf"), "inf"),
        ("9" * 5000, "9" * 5000),
    ],
)
def test_measurement_is_a_number_where_it_can_be(given_, expected):
    """A consumer gets numbers to compute with, and loses nothing else."""
    result = coerce.measurement(given_)
    assert result == expected
    assert type(result) is type(expected)


@given(st.one_of(st.floats(), st.integers(), st.text(), st.booleans(), st.none()))
def test_number_is_finite_or_nothing(value):
    """JSON has no NaN and no infinity."""
    result = coerce.number(value)
    assert result is None or math.isfinite(result)
    if isinstance(value, float) and math.isfinite(value):
        assert result == value


def test_text_of_nothing_is_empty():
    """A missing field reads as an empty one."""
    assert coerce.text(None) == ""
    assert coerce.text(0) == "0"


def test_mapping_and_choice_fall_back():
    """A field of the wrong type is as good as none."""
    assert coerce.mapping([1]) == {}
    assert coerce.mapping({"a": 1}) == {"a": 1}
    assert coerce.choice("pass", {"pass"}, "fail") == "pass"
    assert coerce.choice(["pass"], {"pass"}, "fail") == "fail"
