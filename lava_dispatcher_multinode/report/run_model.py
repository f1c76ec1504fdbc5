"""What is known of a run so far: the facts of its events, nothing decided yet."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..multinode.api import Missing


@dataclass
class ActionRecord:
    """One command of one node; times are seconds since the run's start."""

    index: int
    command: str
    tests: bool = False  # it runs test definitions
    started: float | None = None
    status: str | None = None  # None: not finished
    seconds: float | None = None
    error: str | None = None
    finished: float | None = None


@dataclass
class BootRecord:
    """One try of a boot."""

    attempt: int
    of: int
    started: float
    status: str | None = None  # None: not finished
    error: str | None = None
    finished: float | None = None

    def within(self, action: ActionRecord) -> bool:
        """Whether it was a part of `action` of the same node."""
        if action.started is None or self.started < action.started:
            return False
        return action.finished is None or self.started <= action.finished


@dataclass
class Span:
    """A definition or a step: a name with a beginning, and an end once it is known."""

    name: str
    started: float
    finished: float | None = None


@dataclass(frozen=True)
class CaseRecord:
    """One result of one test definition."""

    definition: str
    case: str
    result: str  # pass | fail | skip | unknown
    measurement: float | int | str | None = None
    units: str | None = None
    set: str | None = None
    start: float | None = None
    end: float | None = None
    time: float = 0.0  # when it was recorded
    error: str | None = None  # why it failed, where that is known
    of_wait: bool = False  # it is the result of a `WaitRecord`, which has the same times

    @property
    def full_name(self) -> str:
        """Definition, set and case."""
        return " ".join(part for part in (self.definition, self.set, self.case) if part)

    @property
    def seconds(self) -> float | None:
        """How long it took, if both ends are known."""
        if self.start is None or self.end is None:
            return None
        return max(0.0, self.end - self.start)


@dataclass
class WaitRecord:
    """One blocking call of a node; not answered (yet) while `outcome` is None."""

    node: str
    api: str
    id: str
    role: str | None = None
    asked: float = 0.0
    missing: Missing = field(default_factory=Missing)  # when it began to wait
    answered: float | None = None
    outcome: str | None = None  # done | refused | timeout | never
    cause: str | None = None  # as `multinode.api.Cause`; None: not answered, or an old event
    reason: str = ""  # without the call; in an old event, with it
    senders: tuple[str, ...] | None = None  # whose messages answered it; None: not told

    @property
    def command(self) -> str:
        """The call as its user wrote it."""
        return f"lava-{self.api} {self.id}" + (f" {self.role}" if self.role else "")

    @property
    def sentence(self) -> str:
        """Why the call failed, with the call in front."""
        if self.cause is None or not self.reason:
            return self.reason
        return f"{self.command}: {self.reason}"

    @property
    def case(self) -> str:
        """What the result of the call is named."""
        return f"multinode-{self.api.replace('-', '_')}-{self.id}".lower()


@dataclass(frozen=True)
class MessageRecord:
    """One `lava-send`, or the sending half of a `lava-sync`."""

    id: str
    sender: str
    data: dict[str, str]
    time: float


@dataclass
class NodeRecord:
    """One board of the job. `stated` is what the run said of it at its end."""

    name: str
    role: str = ""
    device_type: str = ""
    actions: dict[int, ActionRecord] = field(default_factory=dict)
    cases: list[CaseRecord] = field(default_factory=list)
    waits: list[WaitRecord] = field(default_factory=list)
    unrecorded: dict[str, list[WaitRecord]] = field(default_factory=dict)  # yet, by `case`
    boots: list[BootRecord] = field(default_factory=list)
    definitions: list[Span] = field(default_factory=list)
    steps: list[Span] = field(default_factory=list)
    stated: str | None = None  # pass | fail | error | skipped; None: has not finished
    error_type: str | None = None
    error: str | None = None
    finished: float | None = None

    def count(self, result: str) -> int:
        """Return how many cases ended so."""
        return sum(case.result == result for case in self.cases)

    def recorded(self, case: str) -> WaitRecord | None:
        """Return the call whose result `case` is, for once; None if it is no call's.

        A result comes just behind its answer, or just before it; so it is that of the
        call answered last, or of the one that has waited longest.
        """
        waits = self.unrecorded.get(case)
        if not waits:
            return None
        wait = max(waits, key=lambda wait: -wait.asked if wait.answered is None else wait.answered)
        waits.remove(wait)
        return wait

    @property
    def failed_waits(self) -> list[WaitRecord]:
        """The calls that were answered, but not with what they asked for."""
        return [wait for wait in self.waits if wait.outcome not in {None, "done"}]
