"""The calls that wait."""

import random
from weakref import WeakSet

from lava_dispatcher_multinode.multinode.api import Api, Call
from lava_dispatcher_multinode.multinode.deadlines import MAX_STALE_ENTRIES
from lava_dispatcher_multinode.multinode.members import Members
from lava_dispatcher_multinode.multinode.topics import MemberCall, Message, Topics
from lava_dispatcher_multinode.multinode.transitions import MemberEvent
from lava_dispatcher_multinode.multinode.waiting import WaitingCalls


def world():
    """Return two members of a group of three, its topics, and no waiting call."""
    members, topics = Members(3), Topics()
    for name in "ab":
        members.admit(name, "r")
    return members, topics, WaitingCalls(members, topics)


def test_all_members_wait_when_each_has_a_call():
    """Not when one has two; and not any more when one has none."""
    _, topics, pending = world()
    topic = topics.get("x")
    waits = [MemberCall(n, name, Call(Api.WAIT, "x"), 0.0) for n, name in enumerate("aab")]
    for wait, all_wait in zip(waits, (False, False, True), strict=True):
        pending.add(wait, topic, 5.0)
        assert pending.all_members_wait is all_wait
    pending.remove(waits[0])
    assert pending.all_members_wait
    assert pending.all() == waits[1:]
    assert [pending.get(n) for n in range(3)] == [None, *waits[1:]]
    assert [pending.of(name) for name in "abc"] == [[waits[1]], [waits[2]], []]
    pending.remove(waits[1])
    assert not pending.all_members_wait
    pending.remove(waits[2])
    assert topics._topics == {}
    for wait, all_wait in zip(waits[1:], (False, True), strict=True):
        pending.add(wait, topics.get("x"), 5.0)
        assert pending.all_members_wait is all_wait


def test_time_is_over_once():
    """For the calls that are due, soonest first; a call without a limit is never due."""
    _, topics, pending = world()
    dues = (7.0, 5.0, float("inf"))
    waits = [MemberCall(n, "a", Call(Api.WAIT, str(n)), 0.0) for n in range(3)]
    for wait, due in zip(waits, dues, strict=True):
        pending.add(wait, topics.get(wait.call.id), due)
    assert pending.next_deadline() == 5.0
    ended = MemberCall(3, "b", Call(Api.WAIT, "3"), 0.0)
    pending.add(ended, topics.get("3"), 4.0)
    assert pending.next_deadline() == 4.0
    pending.remove(ended)
    assert pending.next_deadline() == 5.0
    assert pending.expired(10.0) == [waits[1], waits[0]]
    assert pending.next_deadline() is None


def test_a_single_running_member_counts_as_all():
    """A member that has left need not wait; without any member left there is no deadlock."""
    members, topics, pending = world()
    members.leave(members.by_name["b"], MemberEvent.FINISH, None)
    wait = MemberCall(1, "a", Call(Api.WAIT, "x"), 0.0)
    pending.add(wait, topics.get("x"), 5.0)
    assert pending.all_members_wait
    pending.remove(wait)
    members.leave(members.by_name["a"], MemberEvent.FINISH, None)
    assert not pending.all_members_wait


class ReplyTo:
    """Stands for the connection of a caller."""


def test_what_has_ended_is_not_kept_for_long():
    """One by one or together, also while other calls with earlier deadlines wait."""
    _, topics, pending = world()
    reply_handles = WeakSet()

    def new(api, message_id, count):
        waits = [
            MemberCall(ReplyTo(), "ab"[n % 2], Call(api, message_id), 0.0) for n in range(count)
        ]
        reply_handles.update(wait.reply_to for wait in waits)
        return waits

    for wait in new(Api.WAIT, "y", 50):
        pending.add(wait, topics.get("y"), 3.0)
    for _ in range(10 * MAX_STALE_ENTRIES):
        (wait,) = new(Api.WAIT, "x", 1)
        pending.add(wait, topics.get("x"), 7.0)
        pending.remove(wait)
        assert len(reply_handles) <= 2 * 51 + MAX_STALE_ENTRIES + 1
    topic = topics.get("x")
    for _ in range(100):
        waits = new(Api.WAIT_ALL, "x", 100)
        for wait in waits:
            topic.barrier(wait, "ab")
            pending.add(wait, topic, 5.0)
        assert pending.release(topic, 1, None) == waits
        assert len(reply_handles) <= 2 * 150 + MAX_STALE_ENTRIES + 100
    assert pending.next_deadline() == 3.0


def test_nothing_is_kept_when_no_call_waits():
    """However far away the deadline of the last call was."""
    _, topics, pending = world()
    wait = MemberCall(ReplyTo(), "a", Call(Api.WAIT, "x"), 0.0)
    left = WeakSet([wait.reply_to])
    pending.add(wait, topics.get("x"), 1e9)
    pending.remove(wait)
    del wait
    assert not left


def test_a_newcomer_is_waited_for():
    """By calls that wait for all devices or for those of its role, and by no others."""
    members, topics, pending = world()
    topic = topics.get("x")
    topic.add(Message("x", "b", {}))
    for n, role in enumerate((None, "r", "s")):
        wait = MemberCall(n, "a", Call(Api.WAIT_ALL, "x", role=role), 0.0)
        topic.barrier(wait, members.scope(role))
        pending.add(wait, topic, 5.0)
    pending.expect("c", "r")
    found = {role: list(barrier.absent) for role, barrier in topic.barriers[1].items()}
    assert found == {None: ["a", "c"], "r": ["a", "c"], "s": []}


def test_the_next_to_be_due_is_known_after_ended_calls_are_forgotten():
    """The rest keeps the order of its deadlines, whatever was removed between."""
    _, topics, pending = world()
    topic, chance = topics.get("x"), random.Random(6)
    dues = [float(due) for due in chance.sample(range(1000), 301)]
    waits = [MemberCall(n, "ab"[n % 2], Call(Api.WAIT, "x"), 0.0) for n in range(301)]
    for wait, due in zip(waits[:300], dues, strict=False):
        pending.add(wait, topic, due)
    left = set(chance.sample(range(300), 75))
    for number in set(range(300)) - left:
        pending.remove(waits[number])
    pending.add(waits[300], topic, dues[300])
    for number in sorted({300, *left}, key=dues.__getitem__):
        assert pending.next_deadline() == dues[number]
        assert pending.expired(dues[number]) == [waits[number]]
        pending.remove(waits[number])
    assert pending.next_deadline() is None
