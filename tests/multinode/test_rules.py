"""Satisfied, missing, unsatisfiable: of one call at one moment."""

import pytest

from lava_dispatcher_multinode.multinode import rules, topics
from lava_dispatcher_multinode.multinode.api import Api, Call, Loss, Missing
from lava_dispatcher_multinode.multinode.members import Members
from lava_dispatcher_multinode.multinode.topics import MemberCall, Message, Topic, Topics
from lava_dispatcher_multinode.multinode.transitions import MemberEvent

ROLES = {"a": "r", "b": "r", "c": "s"}


def moment(sent="", lost="", size=3):
    """Return members and a topic, after these have sent, in order, and these have left."""
    members, topic = Members(size), Topic()
    for name, role in ROLES.items():
        members.admit(name, role)
    for name in sent:
        topic.add(Message("x", name, {}))
    for name in lost:
        members.leave(members.by_name[name], MemberEvent.FINISH, None)
    return members, topic


def wait(api, role=None, count=1, **options):
    """Return a call of a."""
    return MemberCall(1, "a", Call(Api(api), "x", role=role, **options), 0.0, count)


@pytest.mark.parametrize(
    ("node", "lost", "call", "why"),
    [
        ("a", "", Call(Api.SEND, "x"), ""),
        ("a", "b", Call(Api.WAIT, "x"), ""),
        ("z", "", Call(Api.SEND, "x"), "'z' is not a device of the group"),
        ("b", "b", Call(Api.SEND, "x"), "b has finished"),
        ("a", "", Call(Api.SEND, ""), "message ID"),
    ],
)
def test_refusal(node, lost, call, why):
    """Of devices outside the group, of members that have left, and of malformed calls."""
    reason = rules.refusal(moment(lost=lost)[0], Topics(), node, call)
    assert why in reason
    assert bool(reason) == bool(why)


def test_a_checked_call_is_not_checked_again():
    """The calls of a barrier are the same; each caller is checked."""
    members, _ = moment()
    assert rules.refusal(members, Topics(), "a", Call(Api.SEND, ""), checked=True) == ""
    assert rules.refusal(members, Topics(), "z", Call(Api.SEND, "x"), checked=True) != ""


def test_a_member_may_send_however_many_of_its_calls_wait():
    """There is a bound for waits only: other calls may wait for the message."""
    members, _ = moment()
    members.by_name["a"].waiting = 999
    assert rules.refusal(members, Topics(), "a", Call(Api.WAIT, "x")) == ""
    members.by_name["a"].waiting = 1000
    for api in (Api.WAIT, Api.WAIT_ALL, Api.SYNC):
        assert "1000 calls waiting" in rules.refusal(members, Topics(), "a", Call(api, "x"))
    assert rules.refusal(members, Topics(), "a", Call(Api.SEND, "x")) == ""


def test_a_full_group_may_still_wait(monkeypatch):
    """A lava-send and a lava-sync need space for a message, the other calls do not."""
    monkeypatch.setattr(topics, "MAX_MESSAGES", 0)
    refused = {api: bool(rules.refusal(moment()[0], Topics(), "a", Call(api, "x"))) for api in Api}
    assert refused == {Api.SEND: True, Api.SYNC: True, Api.WAIT: False, Api.WAIT_ALL: False}


@pytest.mark.parametrize(
    ("asked", "sent", "senders"),
    [
        (wait("wait"), "", None),
        (wait("wait"), "a", None),
        (wait("wait"), "acb", ["c", "b"]),
        (wait("wait", next=True), "aacb", ["c"]),
        (wait("wait-all"), "ab", None),
        (wait("wait-all"), "ac", None),
        (wait("wait-all"), "cb", ["c", "b"]),
        (wait("wait-all", "r"), "ac", None),
        (wait("wait-all", "r"), "cb", ["b"]),
        (wait("wait-all", "s"), "c", ["c"]),
        (wait("sync"), "abc", []),
        (wait("sync", count=2), "aabbc", None),
        (wait("sync", count=2), "aabbcc", []),
    ],
)
def test_satisfied(asked, sent, senders):
    """Every kind of call: by other devices only, by all of them, as often as needed."""
    data = rules.satisfied(*moment(sent), asked)
    assert (None if data is None else [name for name, _ in data]) == senders


def test_a_new_and_a_shared_barrier_have_the_same_absent_devices():
    """A barrier is made from the messages so far."""
    members, topic = moment("aab")
    for asked, expected in (
        (wait("wait-all"), "c"),
        (wait("sync", count=2), "bc"),
        (wait("wait-all", "r"), ""),
        (wait("wait-all", "s"), "c"),
    ):
        assert list(rules.absent(members, topic, asked)) == list(expected)
        topic.add_waiter(asked)
        asked.barrier = None  # as another call that needs the same
        assert list(rules.absent(members, topic, asked)) == list(expected)


def test_missing():
    """The devices that have not sent; for a lava-wait, those that still can."""
    assert rules.missing(*moment("b", lost="c"), wait("wait")) == Missing(("b",))
    assert rules.missing(*moment("b"), wait("wait-all")) == Missing(("c",))
    assert rules.missing(*moment("", size=5), wait("wait-all"), 1) == Missing(("b",), 1, 2)
    assert rules.missing(*moment("", size=5), wait("wait-all", "r")) == Missing(("b",), 0, 2)


@pytest.mark.parametrize(
    ("asked", "sent", "lost", "losses"),
    [
        (wait("wait"), "", "b", None),
        (wait("wait"), "", "bc", [Loss("b", None, 0), Loss("c", None, 0)]),
        (wait("wait-all"), "", "", None),
        (wait("wait-all"), "b", "b", None),
        (wait("wait-all"), "", "b", [Loss("b", None, 0)]),
        (wait("wait-all", "r"), "", "c", None),
        (wait("wait-all", "s"), "", "c", [Loss("c", None, 0)]),
        (wait("sync", count=2), "aab", "b", [Loss("b", None, 1)]),
    ],
)
def test_unsatisfiable(asked, sent, lost, losses):
    """Exactly when a required device is lost, or every device that could send."""
    found = rules.unsatisfiable(*moment(sent, lost), asked)
    assert (None if found is None else list(found)) == losses


def test_a_wait_is_satisfiable_while_a_device_may_join():
    """A device that has not joined may send."""
    assert rules.unsatisfiable(*moment(lost="bc", size=4), wait("wait")) is None


def test_a_wait_of_a_single_board_is_unsatisfiable():
    """Its lava-wait is unsatisfiable at once; its lava-sync is not."""
    members = Members(1)
    members.admit("a", "r")
    assert rules.unsatisfiable(members, Topic(), wait("wait")) == ()
    assert rules.unsatisfiable(members, Topic(), wait("sync")) is None
