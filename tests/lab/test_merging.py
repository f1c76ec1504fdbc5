"""Layers of keys laid over one another."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from lava_dispatcher_multinode.lab.merging import laid, merge, with_hostname

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3) | st.lists(st.integers()),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)
MAPPINGS = st.dictionaries(st.sampled_from("abc"), VALUES, max_size=3)


def without_nulls(value):
    """Return what a layer alone means: null keys are no keys."""
    if not isinstance(value, dict):
        return value
    return {key: without_nulls(item) for key, item in value.items() if item is not None}


@given(MAPPINGS, MAPPINGS)
def test_merge_laws(below, above):
    """A layer over nothing is itself, over itself changes nothing, and its values win."""
    assert merge({}, above) == without_nulls(above)
    assert merge(merge({}, above), above) == without_nulls(above)
    merged = merge(below, above)
    for key, value in above.items():
        if value is None:
            assert key not in merged
        elif not isinstance(value, dict):
            assert merged[key] == value


@given(MAPPINGS, MAPPINGS)
def test_merge_leaves_its_arguments_alone(below, above):
    """Layers are shared between devices, so nothing may be written into them."""
    before = json.dumps([below, above])
    merge(below, above)
    assert json.dumps([below, above]) == before


def test_one_of_several_ways_takes_back_the_others():
    """A serial line over a type's command is no second console; a switch goes with its kind."""
    below = {"connection": {"command": "a", "baud": 1}, "power": {"on": "x", "off": "y"}}
    above = {"connection": {"serial": "s"}, "power": {"off": "z"}}
    assert laid([below, above]) == {
        "connection": {"serial": "s", "baud": 1},
        "power": {"on": "x", "off": "z"},
    }
    assert laid([below, {"power": {"manual": True}}])["power"] == {"manual": True}
    assert laid([below, {"power": {"manual": False}}])["power"]["on"] == "x"


def test_hostname_is_filled_in_at_any_depth():
    """In values, not in keys; what is no text stays as it is."""
    data = {"a": ["x %(hostname)s", 7], "b": {"%(hostname)s": "%(hostname)s%%(hostname)s"}}
    assert with_hostname(data, "p1") == {"a": ["x p1", 7], "b": {"%(hostname)s": "p1%p1"}}
