"""The members of a group."""

from lava_dispatcher_multinode.multinode.members import Members
from lava_dispatcher_multinode.multinode.transitions import MemberEvent, MemberState


def two_of_three(size=3):
    """Return the members a and b in role r, with one place free."""
    members = Members(size)
    assert [members.admit("a", "r"), members.admit("b", "r")] == ["", ""]
    return members


def test_a_complete_group_admits_no_more_devices():
    """Nor does any group admit a name that it has, or an invalid one."""
    members = two_of_three()
    assert not members.complete
    assert "already" in members.admit("a", "s")
    assert "white space" in members.admit("a b", "s")
    assert "role is empty" in members.admit("c", "")
    assert members.admit("c", "s") == ""
    assert members.complete
    assert "'d' is not one" in members.admit("d", "s")
    assert list(members.by_name) == ["a", "b", "c"]


def test_a_role_is_unknown_only_when_no_device_can_join():
    """A misspelt role is an error as soon as that is certain."""
    members = two_of_three()
    assert not members.unknown("s")
    members.admit("c", "r")
    assert members.unknown("s")
    assert not members.unknown("r")
    assert not members.unknown(None)


def test_the_scope_of_a_role():
    """All members, those of a role, and none for a role without a device."""
    members = two_of_three()
    assert list(members.scope("r")) == list(members.scope(None)) == ["a", "b"]
    assert list(members.scope("s")) == []
    assert members.in_scope("a", "r")
    assert members.in_scope("a", None)
    assert not members.in_scope("a", "s")


def test_a_member_that_leaves_stays_a_member_but_is_not_active():
    """Its first end counts, with its reason."""
    members = two_of_three()
    member = members.by_name["a"]
    assert members.leave(member, MemberEvent.FAIL, "panic")
    assert not members.leave(member, MemberEvent.FINISH, None)
    assert (member.state, member.failure) == (MemberState.FAILED, "panic")
    assert [members.active, members.is_active("a"), members.is_active("b")] == [1, False, True]
    assert not members.is_active("stranger")
    assert list(members.lost) == ["a"]
