"""The calls that wait."""

import random
from weakref import WeakSet

from lava_dispatcher_multinode.multinode.api import Api, Call
from lava_dispatcher_multinode.multinode.members import Roster
from lava_dispatcher_multinode.multinode.messages import Messages
from lava_dispatcher_multinode.multinode.topics import Wait
from lava_dispatcher_multinode.multinode.transitions import MemberEvent
from lava_dispatcher_multinode.multinode.waiting import SLACK, Pending


def world():
    """Return a group's roster of two, its messages, and nothing pending."""
    roster, messages = Roster(3), Messages()
    for name in "ab":
        roster.admit(name, "r")
    return roster, messages, Pending(roster, messages)


def test_everybody_waits_when_each_has_a_call():
    """Not when one has two; and not any more when one has none."""
    _, messages, pending = world()
    topic = messages.topic("x")
    waits = [Wait(n, name, Call(Api.WAIT, "x"), 0.0) for n, name in enumerate("aab")]
    for wait, everybody in zip(waits, (False, False, True), strict=True):
        pending.add(wait, topic, 5.0)
        assert pending.everybody is everybody
    pending.remove(waits[0])
    assert pending.everybody
    assert pending.all() == waits[1:]
    assert [pending.get(n) for n in range(3)] == [None, *waits[1:]]
    assert [pending.of(name) for name in "abc"] == [[waits[1]], [waits[2]], []]
    pending.remove(waits[1])
    assert not pending.everybody
    pending.remove(waits[2])
    assert messages._topics == {}
    for wait, everybody in zip(waits[1:], (False, True), strict=True):
        pending.add(wait, messages.topic("x"), 5.0)
        assert pending.everybody is everybody


def test_time_is_over_once():
    """For those that are due, soonest first; who never is due is never told."""
    _, messages, pending = world()
    dues = (7.0, 5.0, float("inf"))
    waits = [Wait(n, "a", Call(Api.WAIT, str(n)), 0.0) for n in range(3)]
    for wait, due in zip(waits, dues, strict=True):
        pending.add(wait, messages.topic(wait.call.id), due)
    assert pending.due() == 5.0
    ended = Wait(3, "b", Call(Api.WAIT, "3"), 0.0)
    pending.add(ended, messages.topic("3"), 4.0)
    assert pending.due() == 4.0
    pending.remove(ended)
    assert pending.due() == 5.0
    assert pending.expired(10.0) == [waits[1], waits[0]]
    assert pending.due() is None


def test_a_single_member_that_runs_is_everybody_and_none_is_not():
    """Members that have left need not wait; when all have, there is no deadlock."""
    roster, messages, pending = world()
    roster.leave(roster.members["b"], MemberEvent.FINISH, None)
    wait = Wait(1, "a", Call(Api.WAIT, "x"), 0.0)
    pending.add(wait, messages.topic("x"), 5.0)
    assert pending.everybody
    pending.remove(wait)
    roster.leave(roster.members["a"], MemberEvent.FINISH, None)
    assert not pending.everybody


class Ticket:
    """Stands for the connection of who asked."""


def test_what_has_ended_is_not_kept_for_long():
    """One by one or together, and though others wait all the time, and are due before."""
    _, messages, pending = world()
    tickets = WeakSet()

    def new(api, message_id, count):
        waits = [Wait(Ticket(), "ab"[n % 2], Call(api, message_id), 0.0) for n in range(count)]
        tickets.update(wait.ticket for wait in waits)
        return waits

    topic = messages.topic("x")
    for wait in new(Api.WAIT, "y", 50):
        pending.add(wait, messages.topic("y"), 3.0)
    for _ in range(10 * SLACK):
        (wait,) = new(Api.WAIT, "x", 1)
        pending.add(wait, topic, 7.0)
        pending.remove(wait)
        assert len(tickets) <= 2 * 51 + SLACK + 1
    for _ in range(100):
        waits = new(Api.WAIT_ALL, "x", 100)
        for wait in waits:
            topic.bucket(wait, "ab")
            pending.add(wait, topic, 5.0)
        assert pending.release(topic, 1, None) == waits
        assert len(tickets) <= 2 * 150 + SLACK + 100
    assert pending.due() == 3.0


def test_nothing_is_kept_when_no_call_waits():
    """However far away the end of a call's time was."""
    _, messages, pending = world()
    wait = Wait(Ticket(), "a", Call(Api.WAIT, "x"), 0.0)
    left = WeakSet([wait.ticket])
    pending.add(wait, messages.topic("x"), 1e9)
    pending.remove(wait)
    del wait
    assert not left


def test_a_newcomer_is_waited_for():
    """By those who wait for all or for its role, and by no others."""
    roster, messages, pending = world()
    topic = messages.topic("x")
    topic.add("b", {})
    for n, role in enumerate((None, "r", "s")):
        wait = Wait(n, "a", Call(Api.WAIT_ALL, "x", role=role), 0.0)
        topic.bucket(wait, roster.scope(role))
        pending.add(wait, topic, 5.0)
    pending.expect("c", "r")
    found = {role: list(bucket.absent) for role, bucket in topic.all[1].items()}
    assert found == {None: ["a", "c"], "r": ["a", "c"], "s": []}


def test_the_next_to_be_due_is_known_after_ended_calls_are_forgotten():
    """What is left is in the order of its time, whatever was taken out between."""
    _, messages, pending = world()
    topic, chance = messages.topic("x"), random.Random(6)
    dues = [float(due) for due in chance.sample(range(1000), 301)]
    waits = [Wait(n, "ab"[n % 2], Call(Api.WAIT, "x"), 0.0) for n in range(301)]
    for wait, due in zip(waits[:300], dues, strict=False):
        pending.add(wait, topic, due)
    left = set(chance.sample(range(300), 75))
    for number in set(range(300)) - left:
        pending.remove(waits[number])
    pending.add(waits[300], topic, dues[300])
    for number in sorted({300, *left}, key=dues.__getitem__):
        assert pending.due() == dues[number]
        assert pending.expired(dues[number]) == [waits[number]]
        pending.remove(waits[number])
    assert pending.due() is None
