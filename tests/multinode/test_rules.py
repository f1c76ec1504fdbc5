"""Satisfied, missing, hopeless: of one call at one moment."""

import pytest

from lava_dispatcher_multinode.multinode import messages, rules
from lava_dispatcher_multinode.multinode.api import Api, Call
from lava_dispatcher_multinode.multinode.members import Roster
from lava_dispatcher_multinode.multinode.messages import Messages
from lava_dispatcher_multinode.multinode.topics import Topic, Wait
from lava_dispatcher_multinode.multinode.transitions import MemberEvent

ROLES = {"a": "r", "b": "r", "c": "s"}


def moment(sent="", lost="", size=3):
    """Return a roster and a topic: who has sent, in order, and who has left."""
    roster, topic = Roster(size), Topic()
    for name, role in ROLES.items():
        roster.admit(name, role)
    for name in sent:
        topic.add(name, {})
    for name in lost:
        roster.leave(roster.members[name], MemberEvent.FINISH, None)
    return roster, topic


def wait(api, role=None, level=1, **options):
    """Return a call of a."""
    return Wait(1, "a", Call(Api(api), "x", role=role, **options), 0.0, level)


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
    """Of names outside the group, of members that have left, and of what is no call."""
    reason = rules.refusal(moment(lost=lost)[0], Messages(), node, call)
    assert why in reason
    assert bool(reason) == bool(why)


def test_a_call_that_is_known_to_be_sound_is_not_looked_at_again():
    """A barrier shares one call; its caller is checked each time."""
    roster, _ = moment()
    assert rules.refusal(roster, Messages(), "a", Call(Api.SEND, ""), sound=True) == ""
    assert rules.refusal(roster, Messages(), "z", Call(Api.SEND, "x"), sound=True) != ""


def test_a_member_may_send_however_many_of_its_calls_wait():
    """Up to a bound; a message is what other calls may wait for."""
    roster, _ = moment()
    roster.members["a"].waiting = 999
    assert rules.refusal(roster, Messages(), "a", Call(Api.WAIT, "x")) == ""
    roster.members["a"].waiting = 1000
    for api in (Api.WAIT, Api.WAIT_ALL, Api.SYNC):
        assert "1000 calls waiting" in rules.refusal(roster, Messages(), "a", Call(api, "x"))
    assert rules.refusal(roster, Messages(), "a", Call(Api.SEND, "x")) == ""


def test_a_full_group_may_still_wait(monkeypatch):
    """A lava-send and a lava-sync need room for a message, the other calls do not."""
    monkeypatch.setattr(messages, "MAX_MESSAGES", 0)
    refused = {
        api: bool(rules.refusal(moment()[0], Messages(), "a", Call(api, "x"))) for api in Api
    }
    assert refused == {Api.SEND: True, Api.SYNC: True, Api.WAIT: False, Api.WAIT_ALL: False}


@pytest.mark.parametrize(
    ("asked", "sent", "told"),
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
        (wait("sync", level=2), "aabbc", None),
        (wait("sync", level=2), "aabbcc", []),
    ],
)
def test_satisfied(asked, sent, told):
    """Every kind of call: by others only, by all of them, as often as needed."""
    data = rules.satisfied(*moment(sent), asked)
    assert (None if data is None else [name for name, _ in data]) == told


def test_the_absent_are_the_same_from_the_start_and_as_calls_share_them():
    """What calls share starts from the truth."""
    roster, topic = moment("aab")
    for asked, expected in (
        (wait("wait-all"), "c"),
        (wait("sync", level=2), "bc"),
        (wait("wait-all", "r"), ""),
        (wait("wait-all", "s"), "c"),
    ):
        assert list(rules.absent(roster, topic, asked)) == list(expected)
        topic.park(asked)
        asked.bucket = None  # as another call that needs the same
        assert list(rules.absent(roster, topic, asked)) == list(expected)


def test_missing():
    """Those who have not sent; for a lava-wait whoever still could."""
    assert rules.missing(*moment("b", lost="c"), wait("wait")) == ["b"]
    assert rules.missing(*moment("b"), wait("wait-all")) == ["c"]
    assert rules.missing(*moment("", size=5), wait("wait-all"), 1) == [
        "b",
        "1 more",
        "2 not yet joined",
    ]
    assert rules.missing(*moment("", size=5), wait("wait-all", "r")) == [
        "b",
        "2 not yet joined",
    ]


@pytest.mark.parametrize(
    ("asked", "sent", "lost", "why"),
    [
        (wait("wait"), "", "b", ""),
        (wait("wait"), "", "bc", "no device is left that could send it"),
        (wait("wait-all"), "", "", ""),
        (wait("wait-all"), "b", "b", ""),
        (wait("wait-all"), "", "b", "b finished without sending 'x'"),
        (wait("wait-all", "r"), "", "c", ""),
        (wait("wait-all", "s"), "", "c", "c finished without"),
        (wait("sync", level=2), "aab", "b", "b finished after sending 'x' only once"),
    ],
)
def test_hopeless(asked, sent, lost, why):
    """Exactly when a device that is needed is lost, or all that could do are."""
    reason = rules.hopeless(*moment(sent, lost), asked)
    assert reason.startswith(why)
    assert bool(reason) == bool(why)


def test_nothing_is_hopeless_for_a_wait_while_somebody_may_join():
    """Who has not come yet may send."""
    assert rules.hopeless(*moment(lost="bc", size=4), wait("wait")) == ""


def test_a_single_board_has_no_other_to_hear_from():
    """A lava-wait of it is hopeless at once; a lava-sync is not."""
    roster = Roster(1)
    roster.admit("a", "r")
    assert rules.hopeless(roster, Topic(), wait("wait")) == "there is no other device in the group"
    assert rules.hopeless(roster, Topic(), wait("sync")) == ""
