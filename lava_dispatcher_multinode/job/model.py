"""The data model of a job: immutable, independent of the file format."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ..errors import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

#: The possible results of a test case.
RESULTS = ("pass", "fail", "skip", "unknown")


def no_items() -> Mapping[Any, Any]:
    """Return an empty mapping that cannot be modified, as a default."""
    return MappingProxyType({})


class Calls(Enum):
    """Which calls of the MultiNode API an action makes."""

    NONE = "none"
    OWN = "the one that its parameters describe"
    TESTS = "those of its test definitions"
    ANY = "unknown"


@dataclass(frozen=True, order=True)
class Position:
    """A position in a user's file; lines and columns count from 1."""

    file: str
    line: int = 0
    column: int = 0

    def problem(self, message: str, hint: str = "", *, warning: bool = False) -> Problem:
        """Return a `Problem` at this position."""
        return Problem(self.file, self.line, self.column, message, hint, warning)


@dataclass(frozen=True)
class Role:
    """One entry of `device_group`: devices that run the same actions."""

    name: str
    count: int = 1
    device_type: str | None = None  # the proper name, not an alias
    device: str | None = None  # the name of a device; `count` is 1 then
    tags: frozenset[str] = frozenset()
    position: Position = Position("")
    essential: bool = False  # the run ends if one of its nodes fails
    environment: Mapping[str, str] = field(default_factory=no_items)  # of its tests


@dataclass(frozen=True)
class ActionSpec:
    """One entry of `actions`, without `role` and `timeout` in its parameters.

    `positions` maps a path into the parameters, such as ("testdef_repos", 0, "testdef"), to its
    position in the file; () is the action's own. `refused` says why a block of a LAVA job cannot
    run on devices that this package drives, `refused_at` where in the block.
    """

    command: str
    parameters: Mapping[str, Any] = field(default_factory=no_items)
    roles: frozenset[str] | None = None  # None: every role
    timeout: float | None = None  # seconds; None: the job's timeout
    refused: str = ""
    refused_at: tuple[str | int, ...] = ()
    wrong: bool = False  # LAVA's dispatcher refuses it, too
    positions: Mapping[tuple[str | int, ...], Position] = field(
        default_factory=dict, compare=False
    )

    def position(self, *path: str | int) -> Position:
        """Return the position of `path`, or of the nearest enclosing value."""
        while path and path not in self.positions:
            path = path[:-1]
        return self.positions.get(path, Position(""))


@dataclass(frozen=True)
class Job:
    """A whole job: the devices that it needs, and what each role does."""

    name: str
    timeout: float  # seconds: the default of every action and every MultiNode call
    roles: tuple[Role, ...]
    actions: tuple[ActionSpec, ...]
    file: str = "-"
    directory: Path = Path()  # base of relative paths in the job
    logging_level: str = "INFO"
    deadlock_grace: float = 30.0  # seconds
    tags: tuple[str, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=no_items)
    #: LAVA's own definition if the job is one, and the positions of its actions.
    lava: Mapping[str, Any] | None = None
    places: tuple[Position, ...] = ()
    #: Keys that have no effect on devices driven here: the roles and the warning.
    remarks: tuple[tuple[frozenset[str], Problem], ...] = ()
    secrets: bytes = field(default=b"", repr=False)  # a file that its tests source

    @property
    def size(self) -> int:
        """The number of nodes."""
        return sum(role.count for role in self.roles)

    def actions_of(self, role: str) -> tuple[ActionSpec, ...]:
        """Return the actions of a node of `role`, in file order."""
        return tuple(a for a in self.actions if a.roles is None or role in a.roles)
