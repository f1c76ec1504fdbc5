"""The facts of a run as its events state them; verdict.py judges them.

All times are seconds since the run's start.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from ..multinode.api import Api, Missing

#: The calls that need as many messages of each peer as the caller has sent.
COUNTING = {api.value for api in Api if api.spec.counts}
#: The calls that a message of any one peer satisfies.
NEEDS_ANY = {api.value for api in Api if api.spec.waits and not api.spec.needs_all}


@dataclass(slots=True)
class ActionRecord:
    """One action of one node."""

    index: int
    command: str
    tests: bool = False  # it runs tests: without a result it has not done its work
    started: float | None = None
    status: str | None = None  # None: not finished
    seconds: float | None = None
    error: str | None = None
    finished: float | None = None


@dataclass(slots=True)
class BootRecord:
    """One attempt to boot a board."""

    attempt: int
    of: int
    started: float
    status: str | None = None  # None: not finished
    error: str | None = None
    finished: float | None = None

    def within(self, action: ActionRecord) -> bool:
        """Return whether the attempt began during `action` of the same node."""
        if action.started is None or self.started < action.started:
            return False
        return action.finished is None or self.started <= action.finished


@dataclass(slots=True)
class Span:
    """A definition or a step: its name, its beginning, and its end once known."""

    name: str
    started: float
    finished: float | None = None


@dataclass(frozen=True, slots=True)
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
    error: str | None = None  # why it failed, if known
    of_wait: bool = False  # the result of a `WaitRecord`, which has the same times

    @property
    def full_name(self) -> str:
        """Definition, set and case."""
        return " ".join(part for part in (self.definition, self.set, self.case) if part)

    @property
    def seconds(self) -> float | None:
        """The duration, if both ends are known."""
        if self.start is None or self.end is None:
            return None
        return max(0.0, self.end - self.start)


@dataclass(slots=True)
class WaitRecord:
    """One blocking call of a node; `outcome` is None until it is answered."""

    node: str
    api: str
    id: str
    role: str | None = None
    asked: float = 0.0
    missing: Missing = field(default_factory=Missing)  # when the call began
    needed: int = 1  # how often each peer has to have sent the ID
    answered: float | None = None
    outcome: str | None = None  # done | refused | timeout | never
    cause: str | None = None  # a `multinode.api.Cause`; None: not answered, or an old event
    reason: str = ""  # without the call; in an old event, with it
    senders: tuple[str, ...] | None = None  # of the messages that answered it; None: unknown

    @property
    def case(self) -> str:
        """The name of the call's result."""
        return f"multinode-{self.api.replace('-', '_')}-{self.id}".lower()

    @property
    def command(self) -> str:
        """The call as its user wrote it."""
        return f"lava-{self.api} {self.id}" + (f" {self.role}" if self.role else "")

    @property
    def sentence(self) -> str:
        """Why the call failed, with the call in front; "" without a reason."""
        if self.cause is None or not self.reason:
            return self.reason
        return f"{self.command}: {self.reason}"

    def seconds(self, now: float) -> float:
        """Return how long the call took, or has taken at `now`."""
        return (now if self.answered is None else self.answered) - self.asked


@dataclass(frozen=True, slots=True)
class MessageRecord:
    """One `lava-send`, or the sending half of a `lava-sync`."""

    id: str
    sender: str
    data: dict[str, str]
    time: float


@dataclass
class NodeRecord:
    """One board of the job; `recorded_status` is that of its `node_finished`."""

    name: str
    role: str = ""
    device_type: str = ""
    actions: dict[int, ActionRecord] = field(default_factory=dict)
    cases: list[CaseRecord] = field(default_factory=list)
    waits: list[WaitRecord] = field(default_factory=list)
    open_waits: list[WaitRecord] = field(default_factory=list)  # not answered, oldest first
    unrecorded: dict[str, list[WaitRecord]] = field(default_factory=dict)  # by `case`
    boots: list[BootRecord] = field(default_factory=list)
    definitions: list[Span] = field(default_factory=list)
    steps: list[Span] = field(default_factory=list)
    action: ActionRecord | None = None  # the last one that started
    doing: str = ""  # the step or definition in progress, for a display
    recorded_status: str | None = None  # pass | fail | error | skipped; None: not finished
    error_type: str | None = None
    error: str | None = None
    finished: float | None = None
    _counts: Counter[str] = field(default_factory=Counter)

    def add_case(self, case: CaseRecord) -> None:
        """Add a result."""
        self.cases.append(case)
        self._counts[case.result] += 1

    def count(self, result: str) -> int:
        """Return the number of cases with this result."""
        return self._counts[result]

    def pop_wait_of(self, case: str) -> WaitRecord | None:
        """Return the call whose result is named `case`, once; None if there is none.

        A result is recorded just after or just before the answer of its call. So it belongs
        to the call answered last or, with none answered, to the one that waits longest.
        """
        waits = self.unrecorded.get(case)
        if not waits:
            return None
        wait = max(waits, key=lambda wait: -wait.asked if wait.answered is None else wait.answered)
        waits.remove(wait)
        return wait

    @property
    def final_status(self) -> str | None:
        """The recorded status, except that a node with a failed case has not passed."""
        if self.recorded_status == "pass" and self.count("fail"):
            return "fail"
        return self.recorded_status

    @property
    def failed_waits(self) -> list[WaitRecord]:
        """The calls that ended with another outcome than `done`."""
        return [wait for wait in self.waits if wait.outcome not in {None, "done"}]
