"""Deadlines by key."""

from hypothesis import given
from hypothesis import strategies as st

from lava_dispatcher_multinode.multinode.deadlines import MAX_STALE_ENTRIES, Deadlines, soonest


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


def test_stale_entries_take_no_memory():
    """Calls that end long before their deadline must not pile up."""
    deadlines = Deadlines()
    for number in range(10_000):
        deadlines.set(number, 1e9)
        deadlines.discard(number)
        deadlines.set("same", number)
    assert len(deadlines.heap) <= 2 * len(deadlines) + MAX_STALE_ENTRIES


def test_the_soonest_of_several():
    """Empty ones, and those with stale entries only, do not count."""
    one, two, three = Deadlines(), Deadlines(), Deadlines()
    assert soonest((one, two, three)) is None
    assert soonest((one,), 3.0) == 3.0
    two.set("a", 5.0)
    two.set("b", 7.0)
    three.set("c", 6.0)
    assert soonest((one, two, three)) == 5.0
    assert soonest((one, two, three), 4.0) == 4.0
    two.discard("a")
    assert soonest((one, two, three), 8.0) == 6.0
