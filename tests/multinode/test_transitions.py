"""The tables of transitions.py."""

from lava_dispatcher_multinode.multinode import transitions as t
from lava_dispatcher_multinode.multinode.api import Cause, Status


def test_every_way_of_a_call_ends():
    """Every state has a transition, except the final ones."""
    sources = {state for state, _ in t.CALL_TRANSITIONS}
    assert sources == {t.CallState.ASKED, t.CallState.WAITING}
    assert set(t.CALL_TRANSITIONS.values()) - sources == set(t.CallState) - sources


def test_every_end_of_a_call_is_a_status():
    """Each outcome's status has its state, under the same name."""
    ends = set(t.CALL_TRANSITIONS.values()) - {t.CallState.WAITING}
    assert t.STATUS.keys() == ends
    assert set(t.STATUS.values()) == set(Status)


def test_no_cause_is_idle():
    """Every cause ends a call or lets it wait, but for the one that only a client can see."""
    assert {cause for _, cause in t.CALL_TRANSITIONS} == set(Cause) - {Cause.DISCONNECTED}


def test_the_first_end_of_a_member_counts():
    """A failed member does not become a finished one, nor vice versa."""
    for (state, _), after in t.MEMBER_TRANSITIONS.items():
        assert state is t.MemberState.ACTIVE or after is state
    assert len(t.MEMBER_TRANSITIONS) == len(t.MemberState) * len(t.MemberEvent)
