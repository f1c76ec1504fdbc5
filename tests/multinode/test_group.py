"""The rules, one by one; test_group_model.py plays them in random order."""

import math

import pytest

from lava_dispatcher_multinode.multinode import rules, topics
from lava_dispatcher_multinode.multinode.api import Api, Call, Missing, Status
from lava_dispatcher_multinode.multinode.group import Group
from lava_dispatcher_multinode.multinode.reasons import sentence
from lava_dispatcher_multinode.multinode.topics import MemberCall


class Play:
    """A group whose calls are written as the boards write them: play("a wait-all x r")."""

    def __init__(self, members=None, **options):
        members = members or {"a": "r", "b": "r", "c": "s"}
        options = {"size": len(members), "timeout": 100, "deadlock_grace": 30} | options
        self.group = Group(members, **options)
        self.now, self.reply_to = 0.0, 0
        self.ended = {}

    def take(self, events):
        """Keep the answers; assert that none comes twice."""
        for event in events:
            if isinstance(event, MemberCall) and event.outcome is not None:
                assert event.reply_to not in self.ended
                self.ended[event.reply_to] = event
        return events

    def __call__(self, line, *, again=False, **fields):
        """Make a call; return its `reply_to`."""
        node, api, message_id, *rest = line.split()
        data = dict(word.split("=") for word in rest if "=" in word)
        role = next((word for word in rest if "=" not in word), None)
        self.reply_to += 1
        call = Call(Api(api), message_id, data, role, **fields)
        self.take(self.group.call(node, call, self.reply_to, self.now, again=again))
        return self.reply_to

    def status(self, number):
        """Return how a call ended, or None while it waits."""
        pending = self.ended.get(number)
        return pending and pending.outcome.status

    def data(self, number):
        """Return the data that a call received, oldest sender first."""
        return [(sender, dict(data)) for sender, data in self.ended[number].outcome.data]

    def reason(self, number):
        """Return the sentence of a call."""
        return sentence(self.ended[number].call, self.ended[number].outcome)

    def at(self, now):
        """Set the time, and end what is due."""
        self.now = now
        self.take(self.group.expire(now))

    def fail(self, name, reason="kernel panic"):
        """Let the run of a board fail."""
        self.take(self.group.fail(name, reason, self.now))

    def finish(self, name):
        """Let the run of a board end."""
        self.take(self.group.finish(name, self.now))


@pytest.fixture
def play():
    """Return a group of a and b of role r, and c of role s."""
    return Play()


def test_a_wait_takes_what_others_have_sent_so_far(play):
    """Before or after, all senders so far, oldest first, and the same when asked again."""
    waiting = play("c wait x")
    play("a send x k=1")
    play("b send x k=2")
    assert play.data(waiting) == [("a", {"k": "1"})]
    for _ in range(2):
        assert play.data(play("c wait x")) == [("a", {"k": "1"}), ("b", {"k": "2"})]


def test_a_device_does_not_satisfy_its_own_wait(play):
    """Unlike in LAVA: the contract requires another device."""
    play("a send x")
    waiting = play("a wait x")
    assert play.status(waiting) is None
    play("a send x")
    assert play.status(waiting) is None
    play("b send x")
    assert play.data(waiting) == [("b", {})]


def test_wait_all_needs_every_other_device(play):
    """Not the caller, and not only the first of a role."""
    waiting = play("a wait-all x")
    play("b send x k=1")
    assert play.status(waiting) is None
    play("c send x")
    assert play.data(waiting) == [("b", {"k": "1"}), ("c", {})]


def test_wait_all_of_the_own_role_is_for_the_others_of_it(play):
    """Messages of other roles do not count."""
    waiting = play("a wait-all x r")
    play("c send x")
    assert play.status(waiting) is None
    play("b send x")
    assert play.data(waiting) == [("b", {})]


def test_wait_all_of_a_role_without_another_device(play):
    """It has no device to wait for."""
    assert play.status(play("c wait-all x s")) is Status.DONE


def test_an_unknown_role_is_refused_at_once(play):
    """The reason lists the roles of the group."""
    waiting = play("a wait-all x serverr")
    assert play.status(waiting) is Status.REFUSED
    assert play.reason(waiting) == (
        "lava-wait-all x serverr: "
        "no device of the group has the role 'serverr'; its roles: r and s"
    )


def test_sync_is_send_and_wait_all_both_ways(play):
    """One device may sync while the others do the two calls."""
    sync = play("a sync x")
    play("b send x")
    wait = play("b wait-all x")
    assert [play.status(sync), play.status(wait)] == [None, None]
    play("c send x k=v")
    assert play.status(sync) is Status.DONE
    assert play.data(sync) == [("b", {}), ("c", {"k": "v"})]
    assert play.data(wait) == [("a", {}), ("c", {"k": "v"})]


def test_sync_counts(play):
    """A fast device cannot pass the second barrier with the messages of the first."""
    first = [play(f"{name} sync x") for name in "abc"]
    assert {play.status(number) for number in first} == {Status.DONE}
    second = [play("a sync x"), play("b sync x")]
    assert [play.status(number) for number in second] == [None, None]
    play("c sync x")
    assert [play.status(number) for number in second] == [Status.DONE] * 2


def test_a_sync_that_goes_on_does_not_send_again(play):
    """A member that polls must not count twice at one barrier."""
    first = play("a sync x")
    play.take(play.group.cancel(first, 0.0))
    assert play.status(first) is Status.REFUSED
    assert play.group.cancel(first, 0.0) == []
    play("b sync x")
    play("c sync x")
    assert play.status(play("a sync x", again=True)) is Status.DONE
    second = play("a sync x")
    play.take(play.group.cancel(second, 0.0))
    assert play.status(play("a sync x", again=True)) is None


def test_next_consumes_for_each_receiver(play):
    """Each message once, re-sends too, in the order sent; two waits take two messages."""
    play("a send q n=1")
    play("a send q n=2")
    assert play.data(play("b wait q", next=True)) == [("a", {"n": "1"})]
    assert play.data(play("b wait q", next=True)) == [("a", {"n": "2"})]
    only = play("b wait q", next=True)
    play("a send q n=3")
    assert play.data(only) == [("a", {"n": "3"})]
    waiting = [play("b wait q", next=True), play("b wait q", next=True)]
    play("c send q n=4")
    assert play.data(waiting[0]) == [("c", {"n": "4"})]
    assert play.status(waiting[1]) is None
    assert play.data(play("c wait q", next=True)) == [("a", {"n": "1"})]


def test_a_lost_peer_ends_the_wait_with_its_reason(play):
    """Immediately, with the sentence of the contract, on one line."""
    waiting = play("a wait-all ready")
    play("c send ready")
    play.fail("b", "kernel panic\n  at boot")
    assert play.status(waiting) is Status.NEVER
    assert play.reason(waiting) == "lava-wait-all ready: b failed: kernel panic at boot"
    later = play("a sync ready")
    assert play.reason(later) == ("lava-sync ready: b failed: kernel panic at boot")


def test_a_peer_that_finishes_without_sending(play):
    """Like a lost peer; its earlier messages still count."""
    play("b send x")
    waiting, satisfied = play("a wait-all y"), play("a wait-all x")
    play.finish("b")
    assert play.reason(waiting) == "lava-wait-all y: b finished without sending 'y'"
    play("c send x")
    assert play.status(satisfied) is Status.DONE
    play("c send z")
    sync = play("a sync x")
    assert play.reason(sync) is not None
    play("c send x")
    again = play("a sync x")
    assert play.reason(again) == "lava-sync x: b finished after sending 'x' only once"


def test_a_wait_ends_when_no_device_is_left_to_send(play):
    """The last lost peer ends the wait, not the first."""
    waiting = play("a wait x")
    play.fail("b")
    assert play.status(waiting) is None
    play.finish("c")
    assert play.reason(waiting) == (
        "lava-wait x: no device is left that could send it: "
        "b failed: kernel panic; c finished without sending 'x'"
    )


def test_a_single_board():
    """A group of one passes every barrier, and its lava-wait cannot be satisfied."""
    play = Play({"a": "r"})
    assert play.status(play("a sync x")) is Status.DONE
    assert play.status(play("a wait-all x")) is Status.DONE
    assert play.reason(play("a wait x")) == "lava-wait x: there is no other device in the group"


def test_a_member_that_has_left_is_out(play):
    """Its waits end, its later calls are refused, and its first end counts."""
    waiting = play("a wait x")
    play.fail("a")
    play.finish("a")
    assert play.reason(waiting) == "lava-wait x: a itself has failed: kernel panic"
    late = play("a send x")
    assert play.status(late) is Status.REFUSED
    assert play.reason(late) == "lava-send x: a has failed and is out of the group"
    assert play.group.finish("absent", 0.0) == []


def test_timeouts(play):
    """Of the call or of the group; the sentence names the missing devices."""
    own, default = play("a wait-all x", timeout=5), play("a wait-all x")
    endless = play("a wait x", timeout=math.inf)
    play("b send x")
    assert play.group.next_deadline() == 5
    play.at(4.9)
    assert play.status(own) is None
    play.at(5)
    assert play.reason(own) == "lava-wait-all x: timed out after 5 s, waiting for c"
    play.at(100)
    assert play.status(default) is Status.TIMEOUT
    assert play.status(endless) is Status.DONE


def test_deadlock_after_the_quiet_grace(play):
    """All members wait and nothing changes: the sentence is the wait graph."""
    calls = [play("a wait x"), play("b wait-all y s")]
    play.now = 10.0
    assert play.group.next_deadline() == 100  # c could still send
    calls.append(play("c sync z"))
    assert play.group.next_deadline() == 40
    play.at(39.9)
    assert play.ended == {}
    play.at(40)
    assert [play.status(number) for number in calls] == [Status.NEVER] * 3
    assert play.reason(calls[0]) == (
        "lava-wait x: deadlock: a waits for 'x' from b or c; "
        "b waits for 'y' from c; c waits for 'z' from a and b"
    )


def test_a_deadlock_is_due_where_no_call_is_and_a_call_may_be_due_before(play):
    """The earlier of the two is the deadline; a call without a limit has none."""
    for line in ("a wait x", "b wait x", "c wait x"):
        play(line, timeout=math.inf)
    assert play.group.next_deadline() == 30
    play("a wait y", timeout=40)
    assert play.group.next_deadline() == 30
    play("a wait y", timeout=20)
    assert play.group.next_deadline() == 20


def test_a_background_send_puts_a_deadlock_off(play):
    """A wait that ends is a change, too: its script continues and may send."""
    for line in ("a wait x", "b wait x", "c wait x"):
        play(line)
    short = play("a wait y", timeout=20)
    play.at(20)
    assert play.status(short) is Status.TIMEOUT
    assert play.group.next_deadline() == 50
    play.now = 25.0
    play("a send other")
    assert play.group.next_deadline() == 55


def test_members_that_left_do_not_hide_a_deadlock(play):
    """Only members that still run have to wait for it."""
    play.finish("c")
    calls = [play("a wait x"), play("b wait x")]
    play.at(30)
    assert [play.status(number) for number in calls] == [Status.NEVER] * 2


def test_a_member_that_leaves_puts_a_deadlock_off(play):
    """The grace begins anew, even if no call ends."""
    calls = [play("a wait x", timeout=500), play("b wait y", timeout=500)]
    play.at(100)
    play.finish("c")
    assert play.group.next_deadline() == 130
    play.at(129)
    assert play.ended == {}
    play.at(130)
    assert [play.status(number) for number in calls] == [Status.NEVER] * 2


def test_abort_answers_everything(play):
    """Waiting calls and later calls."""
    waiting = play("a wait x")
    play.take(play.group.abort("the user has stopped the job", 0.0))
    later = play("b send x")
    for number in (waiting, later):
        assert play.status(number) is Status.NEVER
        assert play.reason(number).endswith(": the user has stopped the job")


def test_a_group_that_is_not_complete():
    """Devices that may still join count, and a role may still get a device."""
    play = Play({"a": "r"}, size=2)
    lines = ("a wait-all x", "a wait-all x s", "a wait-all x t", "a wait x", "a wait-all x r")
    calls = [play(line) for line in lines]
    play.at(50)  # it is no deadlock: b may come
    assert play.ended == {}
    assert play.group.missing(1) == Missing(not_joined=1)
    problem, events = play.group.join("b", "s", 50.0)
    play.take(events)
    assert problem == ""
    statuses = [play.status(number) for number in calls]
    assert statuses == [None, None, Status.REFUSED, None, Status.DONE]
    assert "'t'" in play.reason(calls[2])
    play("b send x")
    assert [play.status(calls[n]) for n in (0, 1, 3)] == [Status.DONE] * 3
    assert "complete" in play.group.join("c", "s", 50.0)[0]
    assert "already" in play.group.join("a", "r", 50.0)[0]


def test_bounds(play, monkeypatch):
    """Waits of a member, messages and bytes of a group: excess calls are refused."""
    monkeypatch.setattr(rules, "MAX_WAITS", 2)
    monkeypatch.setattr(topics, "MAX_MESSAGES", 2)
    monkeypatch.setattr(topics, "MAX_KEPT_BYTES", 10)
    for _ in range(2):
        play("a wait x")
    assert "waiting" in play.reason(play("a wait x"))
    assert "bytes" in play.reason(play("a send y k=123456789"))
    play("a send y k=1")
    play("a send y k=2")
    assert "messages" in play.reason(play("a send y"))
    assert "messages" in play.reason(play("b sync y"))
    assert play.data(play("b wait y")) == [("a", {"k": "2"})]


def test_invalid_calls_are_refused(play):
    """Malformed calls and calls of strangers change nothing."""
    assert play.status(play("a send x k=a\0")) is Status.REFUSED
    assert "not a device" in play.reason(play("z send x"))
    assert play.status(play("b wait x", timeout=0)) is None


def test_a_call_that_waits_is_announced(play):
    """For the terminal; a call that is answered immediately is not announced."""
    play("b send x")
    message, waiting = play.group.call("a", Call(Api.SYNC, "x"), 99, 0.0)
    assert (message.id, message.sender) == ("x", "a")
    assert (waiting.reply_to, waiting.outcome) == (99, None)
    assert play.group.missing(99) == Missing(("c",))
    (answered,) = play.group.call("a", Call(Api.WAIT, "x"), 98, 0.0)
    assert answered.outcome.status is Status.DONE


def test_what_a_group_is():
    """Its size, and the members so far with their roles."""
    group = Play({"a": "r", "b": "s"}, size=3).group
    assert (group.size, len(group), group.complete) == (3, 2, False)
    assert group.roles == {"a": "r", "b": "s"}
    assert [group.role_of(name) for name in "abc"] == ["r", "s", None]


def test_a_call_without_a_wait_leaves_no_topic():
    """The memory of a group must not grow with the IDs that a single board waits for."""
    play = Play({"a": "r"})
    assert play.status(play("a wait-all x")) is Status.DONE
    assert play.group._topics._topics == {}
    assert play.status(play("a send x")) is Status.DONE
    assert list(play.group._topics._topics) == ["x"]


def test_a_group_refuses_invalid_members():
    """The names come from device files: an invalid one is an error of the caller."""
    with pytest.raises(ValueError, match="white space"):
        Play({"a b": "r"})
    with pytest.raises(ValueError, match="complete"):
        Play({"a": "r", "b": "r"}, size=1)
