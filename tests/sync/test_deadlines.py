"""Deadlines."""

from hypothesis import given
from hypothesis import strategies as st

from lava_dispatcher_multinode.sync.deadlines import SLACK, Deadlines


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.one_of(st.none(), st.integers(0, 9)))))
def test_it_is_a_dictionary_sorted_by_time(operations):
    """Setting, replacing and discarding leave exactly what a plain dictionary would have."""
    deadlines, model = Deadlines(), {}
    for key, when in operations:
        if when is None:
            deadlines.discard(key)
            model.pop(key, None)
        else:
            deadlines.set(key, when)
            model[key] = when
        assert deadlines.next() == min(model.values(), default=None)
        assert len(deadlines) == len(model)
        assert (key in deadlines) == (key in model)
    expired = list(deadlines.expired(4))
    assert sorted(expired) == sorted(key for key, when in model.items() if when <= 4)
    assert [model[key] for key in expired] == sorted(model[key] for key in expired)
    assert len(deadlines) == len(model) - len(expired)


def test_what_is_replaced_or_discarded_takes_no_memory():
    """A million calls that end long before their deadline do not pile up."""
    deadlines = Deadlines()
    for number in range(10_000):
        deadlines.set(number, 1e9)
        deadlines.discard(number)
        deadlines.set("same", number)
    assert len(deadlines._heap) <= 2 * len(deadlines) + SLACK
