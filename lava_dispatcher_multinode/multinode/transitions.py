"""The life of a call and of a member, as data: state.py goes by these tables.

docs/explanation/coordinator.md shows them as diagrams, made from here.
"""

from __future__ import annotations

from enum import StrEnum

from .api import Status


class CallState(StrEnum):
    """Where a call is."""

    ASKED = "asked"
    WAITING = "waiting"
    DONE = "done"
    REFUSED = "refused"
    TIMEOUT = "timeout"
    NEVER = "never"


class CallEvent(StrEnum):
    """What can happen to a call."""

    NOT_ALLOWED = "not allowed, or malformed"
    SATISFIED = "satisfied"
    NOT_YET = "not satisfied yet"
    ROLE_UNKNOWN = "nobody has the role"
    TIME_OVER = "its time is over"
    PEER_LOST = "a device it needs is lost"
    DEADLOCK = "deadlock"
    CALLER_LOST = "its own device is lost"
    CALLER_GONE = "the caller hung up"
    ABORTED = "the group is aborted"


#: For code that runs for every message, as in calls.py.
WAITING, NOT_YET, SATISFIED = CallState.WAITING, CallEvent.NOT_YET, CallEvent.SATISFIED


CALL_TRANSITIONS: dict[tuple[CallState, CallEvent], CallState] = {
    (CallState.ASKED, CallEvent.NOT_ALLOWED): CallState.REFUSED,
    (CallState.ASKED, CallEvent.ABORTED): CallState.NEVER,
    (CallState.ASKED, CallEvent.ROLE_UNKNOWN): CallState.REFUSED,
    (CallState.ASKED, CallEvent.SATISFIED): CallState.DONE,
    (CallState.ASKED, CallEvent.PEER_LOST): CallState.NEVER,
    (CallState.ASKED, CallEvent.NOT_YET): CallState.WAITING,
    (CallState.WAITING, CallEvent.SATISFIED): CallState.DONE,
    (CallState.WAITING, CallEvent.ROLE_UNKNOWN): CallState.REFUSED,
    (CallState.WAITING, CallEvent.TIME_OVER): CallState.TIMEOUT,
    (CallState.WAITING, CallEvent.PEER_LOST): CallState.NEVER,
    (CallState.WAITING, CallEvent.DEADLOCK): CallState.NEVER,
    (CallState.WAITING, CallEvent.CALLER_LOST): CallState.NEVER,
    (CallState.WAITING, CallEvent.ABORTED): CallState.NEVER,
    (CallState.WAITING, CallEvent.CALLER_GONE): CallState.REFUSED,
}


#: The outcome's status, of a state that ends the call.
STATUS: dict[CallState, Status] = {
    state: Status(state.value)
    for state in CALL_TRANSITIONS.values()
    if state is not CallState.WAITING
}


class MemberState(StrEnum):
    """Where a member is; the first end counts, a later one changes nothing."""

    ACTIVE = "active"
    FINISHED = "finished"
    FAILED = "failed"


ACTIVE = MemberState.ACTIVE  # as above


class MemberEvent(StrEnum):
    """What can happen to a member."""

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
