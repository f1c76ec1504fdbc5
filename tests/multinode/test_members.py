"""Who is in a group."""

from lava_dispatcher_multinode.multinode.members import Members
from lava_dispatcher_multinode.multinode.transitions import MemberEvent, MemberState


def roster(size=3):
    """Return a roster of a and b in role r, one place free."""
    made = Members(size)
    assert [made.admit("a", "r"), made.admit("b", "r")] == ["", ""]
    return made


def test_it_fills_up_and_then_nobody_gets_in():
    """Nor does a name that is in, or that is no name."""
    made = roster()
    assert not made.complete
    assert "already" in made.admit("a", "s")
    assert "white space" in made.admit("a b", "s")
    assert "role is empty" in made.admit("c", "")
    assert made.admit("c", "s") == ""
    assert made.complete
    assert "'d' is not one" in made.admit("d", "s")
    assert list(made.by_name) == ["a", "b", "c"]


def test_a_role_is_unknown_only_when_nobody_can_join_any_more():
    """A typing error is told at once where that is certain."""
    made = roster()
    assert not made.unknown("s")
    made.admit("c", "r")
    assert made.unknown("s")
    assert not made.unknown("r")
    assert not made.unknown(None)


def test_the_places_of_a_role():
    """Of all roles, of one, and of one that nobody has."""
    made = roster()
    assert list(made.scope("r")) == list(made.scope(None)) == ["a", "b"]
    assert list(made.scope("s")) == []
    assert made.in_scope("a", "r")
    assert made.in_scope("a", None)
    assert not made.in_scope("a", "s")


def test_who_leaves_stays_a_member_but_is_not_active():
    """Its first end is the one that counts, with its reason."""
    made = roster()
    member = made.by_name["a"]
    assert made.leave(member, MemberEvent.FAIL, "panic")
    assert not made.leave(member, MemberEvent.FINISH, None)
    assert (member.state, member.failure) == (MemberState.FAILED, "panic")
    assert [made.active, made.is_active("a"), made.is_active("b")] == [1, False, True]
    assert not made.is_active("stranger")
    assert list(made.lost) == ["a"]
