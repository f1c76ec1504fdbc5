"""The same lava-sync of many."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lava_dispatcher_multinode.multinode import crowd, messages
from lava_dispatcher_multinode.multinode.api import Api, Call
from lava_dispatcher_multinode.multinode.group import Group
from lava_dispatcher_multinode.multinode.topic_events import Arrival, Message

NAMES = "abcdefgh"
SYNC = Call(Api.SYNC, "x")
#: What may have happened before, written as (node, call); a call of nobody is its death.
BEFORE = st.tuples(
    st.sampled_from(NAMES),
    st.sampled_from(
        [
            SYNC,
            Call(Api.SEND, "x", {"k": "v"}),
            Call(Api.WAIT, "x"),
            Call(Api.WAIT, "x", next=True),
            Call(Api.WAIT_ALL, "x"),
            Call(Api.WAIT_ALL, "x", role="s"),
            None,
        ]
    ),
)
#: Who comes to the rendezvous: mostly all, some perhaps twice.
CROWDS = st.permutations(NAMES).map(list) | st.lists(st.sampled_from(NAMES), min_size=1)


def group(roles="rrrrrrss", size=8):
    """Return a group of as many as there are roles."""
    members = dict(zip(NAMES, roles, strict=False))
    return Group(members, size=size, timeout=9, deadlock_grace=5)


class Log:
    """What follows, in a form that can be compared."""

    def __init__(self):
        self.lines = []

    def take(self, events):
        """Note what is true now of each of `events`."""
        for event in events:
            if isinstance(event, Arrival):
                self.take(event.each())
            elif isinstance(event, Message):
                self.lines.append(event)
            else:
                self.lines.append((event.ticket, event.outcome, event.seconds))


@given(st.lists(BEFORE, max_size=4), st.lists(CROWDS, min_size=1, max_size=3), st.booleans())
def test_together_is_as_one_after_the_other(before, crowds, complete):
    """The same messages, releases and deadlines, in the same order, whatever was before."""
    roles = "rrrrrrss" if complete else "rrrrrrs"
    one, other = group(roles), group(roles)
    seen, expected = Log(), Log()
    for number, (node, call) in enumerate(before):
        for each, log in ((one, seen), (other, expected)):
            log.take(
                each.fail(node, "why", 1.0) if call is None else each.call(node, call, number, 1.0)
            )
    for turn, nodes in enumerate(crowds, 1):
        askers = [(node, 100 * turn + place) for place, node in enumerate(nodes)]
        for events in one.sync_all(SYNC, askers, 2.0):
            seen.take(events)
        for node, ticket in askers:
            expected.take(other.call(node, SYNC, ticket, 2.0))
        assert seen.lines == expected.lines
        assert one.next_deadline() == other.next_deadline()
        assert [one.missing(t) for _, t in askers] == [other.missing(t) for _, t in askers]
    for now in (7.0, 11.0):
        seen.take(one.expire(now))
        expected.take(other.expire(now))
    assert seen.lines == expected.lines


def together(before=(), nodes=NAMES, roles="rrrrrrss"):
    """Return how many of `nodes` are taken at once, when the first of them is there."""
    world = group(roles)
    for number, (node, call) in enumerate([*before, (nodes[0], SYNC)]):
        if call is None:
            world.fail(node, "why", 0.0)
        else:
            world.call(node, call, number, 0.0)
    parts = world._roster, world._messages, world._pending
    askers = [(node, place) for place, node in enumerate(nodes[1:], 100)]
    return len(crowd.arrive(*parts, SYNC, askers, 0.0, 9.0))


def test_all_but_the_last_two_are_taken_together():
    """Who comes last ends the wait of the others, and who comes before may wait for itself."""
    assert together() == 5
    assert together(nodes="abcd") == 3
    assert together(roles="rrrr", nodes="abcd") == 1
    assert together(before=[(name, SYNC) for name in NAMES]) == 5


@pytest.mark.parametrize(
    ("before", "nodes", "taken"),
    [
        ([], "abcbdef", 2),
        ([("d", Call(Api.SEND, "x"))], "abcdefgh", 2),
        ([("d", SYNC)], "abcdefgh", 2),
        ([("h", None)], "abcdefg", 0),
        ([("a", Call(Api.WAIT, "x"))], "abcdefg", 0),
        ([("a", Call(Api.WAIT, "x", next=True))], "abcdefg", 0),
        ([("h", Call(Api.WAIT_ALL, "x", role="s"))], "abcdefg", 0),
        ([("h", Call(Api.WAIT_ALL, "x"))], "abcdefg", 5),
        ([("z", SYNC)], "abczdefg", 2),
    ],
)
def test_who_needs_a_closer_look_gets_it(before, nodes, taken):
    """From the first one on that is not like the others, or if anything waits for messages."""
    assert together(before, nodes) == taken


def test_bounds_count_for_each(monkeypatch):
    """Of the messages of the group and of the calls of a member."""
    monkeypatch.setattr(messages, "MAX_MESSAGES", 4)
    assert together() == 3
    monkeypatch.undo()
    monkeypatch.setattr(crowd, "MAX_WAITS", 1)
    assert together([("d", Call(Api.WAIT, "y"))]) == 2
