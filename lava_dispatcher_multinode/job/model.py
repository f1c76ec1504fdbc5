"""What a job is, once its file has been read: plain frozen data."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ..errors import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

#: What a test case can come to.
RESULTS = ("pass", "fail", "skip", "unknown")


def no_items() -> Mapping[Any, Any]:
    """Return a mapping without entries, for defaults that nobody can add to."""
    return MappingProxyType({})


class Calls(Enum):
    """Which calls of the MultiNode API an action makes."""

    NONE = "none"
    OWN = "the one that its parameters describe"
    TESTS = "those of its test definitions"
    ANY = "unknown"


@dataclass(frozen=True, order=True)
class Position:
    """A place in a file of the user's; lines and columns count from 1."""

    file: str
    line: int = 0
    column: int = 0

    def problem(self, message: str, hint: str = "", *, warning: bool = False) -> Problem:
        """Return what is wrong here."""
        return Problem(self.file, self.line, self.column, message, hint, warning)


@dataclass(frozen=True)
class Role:
    """One entry of `device_group`."""

    name: str
    count: int = 1
    device_type: str | None = None  # aliases already replaced by the proper name
    device: str | None = None  # a named device; then count is 1
    tags: frozenset[str] = frozenset()
    position: Position = Position("")
    essential: bool = False  # when one of its nodes fails, the others are ended
    environment: Mapping[str, str] = field(default_factory=no_items)  # of its boards' tests


@dataclass(frozen=True)
class ActionSpec:
    """One entry of `actions`, `role` taken out of its parameters.

    `positions` maps a path into the parameters, such as
    ("testdef_repos", 0, "testdef"), to its place in the file; () is the
    action's own.
    """

    command: str
    parameters: Mapping[str, Any] = field(default_factory=no_items)
    roles: frozenset[str] | None = None  # None: every role
    timeout: float | None = None  # seconds; None: the job's
    refused: str = ""
    refused_at: tuple[str | int, ...] = ()
    wrong: bool = False  # refused by LAVA's dispatcher, too
    positions: Mapping[tuple[str | int, ...], Position] = field(
        default_factory=dict, compare=False
    )

    def position(self, *path: str | int) -> Position:
        """Return the place of `path`, or of the nearest thing around it."""
        while path and path not in self.positions:
            path = path[:-1]
        return self.positions.get(path, Position(""))


@dataclass(frozen=True)
class Job:
    """A whole job: what boards it needs and what each role does."""

    name: str
    timeout: float  # seconds: default of every action and every API call
    roles: tuple[Role, ...]
    actions: tuple[ActionSpec, ...]
    file: str = "-"
    directory: Path = Path()  # what relative paths in the job start from
    logging_level: str = "INFO"
    deadlock_grace: float = 30.0  # seconds
    tags: tuple[str, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=no_items)
    #: LAVA's own definition, where the job is one; and the places of its actions.
    lava: Mapping[str, Any] | None = None
    places: tuple[Position, ...] = ()
    #: What to say of keys that boards of this package's own do without, and for which roles.
    remarks: tuple[tuple[frozenset[str], Problem], ...] = ()
    secrets: bytes = field(default=b"", repr=False)  # a file that its tests source

    @property
    def size(self) -> int:
        """The number of nodes."""
        return sum(role.count for role in self.roles)

    def actions_of(self, role: str) -> tuple[ActionSpec, ...]:
        """Return what a node of `role` does, in file order."""
        return tuple(a for a in self.actions if a.roles is None or role in a.roles)
