"""The members of a group: their roles, and which of them have failed or finished."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .api import name_problem
from .transitions import MEMBER_TRANSITIONS, MemberEvent, MemberState

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(slots=True)
class Member:
    """A device of the group."""

    name: str
    role: str
    state: MemberState = MemberState.ACTIVE
    failure: str | None = None  # why it failed
    waiting: int = 0  # calls that wait


class Members:
    """The members of a group of `size` devices, in the order in which they joined."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.by_name: dict[str, Member] = {}
        self.lost: dict[str, Member] = {}  # failed or finished, the earliest first
        self.of_role: dict[str, list[str]] = {}
        self.complete = False  # whether every member has joined

    def admit(self, name: str, role: str) -> str:
        """Add `name`; return why it may not join, or ""."""
        if problem := name_problem("device name", name) or name_problem("role", role):
            return problem
        if name in self.by_name:
            return f"there is a device '{name}' in the group already"
        if self.complete:
            return f"the group is complete: it has {self.size} devices, and '{name}' is not one"
        self.by_name[name] = Member(name, role)
        self.of_role.setdefault(role, []).append(name)
        self.complete = len(self.by_name) == self.size
        return ""

    def leave(self, member: Member, event: MemberEvent, failure: str | None) -> bool:
        """Record the end of a member's run; return whether that changes its state."""
        before, member.state = member.state, MEMBER_TRANSITIONS[member.state, event]
        if member.state is before:
            return False
        member.failure = failure
        self.lost[member.name] = member
        return True

    @property
    def active(self) -> int:
        """The number of members that have neither failed nor finished."""
        return len(self.by_name) - len(self.lost)

    def is_active(self, name: str) -> bool:
        """Return True if `name` is a member that has neither failed nor finished."""
        return name in self.by_name and name not in self.lost

    def scope(self, role: str | None) -> Iterable[str]:
        """Return the names of a role; of all roles if None."""
        return self.by_name if role is None else self.of_role.get(role, ())

    def in_scope(self, name: str, role: str | None) -> bool:
        """Return True if the member `name` has the role."""
        return role is None or self.by_name[name].role == role

    def unknown(self, role: str | None) -> bool:
        """Return True if no device has the role, and none that has it can join."""
        return role is not None and self.complete and role not in self.of_role
