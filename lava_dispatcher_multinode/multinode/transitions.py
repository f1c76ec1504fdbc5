"""The states of a call and of a member, as tables that group.py follows.

docs/explanation/coordinator.md shows them as diagrams, made from here.
"""

from __future__ import annotations

from enum import StrEnum

from .api import Cause, Status


class CallState(StrEnum):
    """The state of a call."""

    ASKED = "asked"
    WAITING = "waiting"
    DONE = "done"
    REFUSED = "refused"
    TIMEOUT = "timeout"
    NEVER = "never"


#: For code that runs for every message: before Python 3.12, `Cause.X` costs as much as a call.
WAITING, SATISFIED, NOT_YET = CallState.WAITING, Cause.SATISFIED, Cause.NOT_YET


CALL_TRANSITIONS: dict[tuple[CallState, Cause], CallState] = {
    (CallState.ASKED, Cause.NOT_ALLOWED): CallState.REFUSED,
    (CallState.ASKED, Cause.ABORTED): CallState.NEVER,
    (CallState.ASKED, Cause.UNKNOWN_ROLE): CallState.REFUSED,
    (CallState.ASKED, Cause.SATISFIED): CallState.DONE,
    (CallState.ASKED, Cause.PEER_LOST): CallState.NEVER,
    (CallState.ASKED, Cause.NOT_YET): CallState.WAITING,
    (CallState.WAITING, Cause.SATISFIED): CallState.DONE,
    (CallState.WAITING, Cause.UNKNOWN_ROLE): CallState.REFUSED,
    (CallState.WAITING, Cause.TIMEOUT): CallState.TIMEOUT,
    (CallState.WAITING, Cause.PEER_LOST): CallState.NEVER,
    (CallState.WAITING, Cause.DEADLOCK): CallState.NEVER,
    (CallState.WAITING, Cause.CALLER_LOST): CallState.NEVER,
    (CallState.WAITING, Cause.ABORTED): CallState.NEVER,
    (CallState.WAITING, Cause.CALLER_GONE): CallState.REFUSED,
}


#: The outcome's status for each state that ends a call.
STATUS: dict[CallState, Status] = {
    state: Status(state.value)
    for state in CALL_TRANSITIONS.values()
    if state is not CallState.WAITING
}


class MemberState(StrEnum):
    """The state of a member; the first end counts, a later one changes nothing."""

    ACTIVE = "active"
    FINISHED = "finished"
    FAILED = "failed"


ACTIVE = MemberState.ACTIVE  # see WAITING


class MemberEvent(StrEnum):
    """An event in the life of a member."""

    FINISH = "its run ends"
    FAIL = "its run fails"


MEMBER_TRANSITIONS: dict[tuple[MemberState, MemberEvent], MemberState] = {
    (MemberState.ACTIVE, MemberEvent.FINISH): MemberState.FINISHED,
    (MemberState.ACTIVE, MemberEvent.FAIL): MemberState.FAILED,
    (MemberState.FINISHED, MemberEvent.FINISH): MemberState.FINISHED,
    (MemberState.FINISHED, MemberEvent.FAIL): MemberState.FINISHED,
    (MemberState.FAILED, MemberEvent.FINISH): MemberState.FAILED,
    (MemberState.FAILED, MemberEvent.FAIL): MemberState.FAILED,
}
