"""Results of calls that belong to no definition: the dispatcher's, and what a board asks late."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..multinode.api import Status
from ..multinode.board_words import case_of

if TYPE_CHECKING:
    from ..emit import Emit
    from ..multinode.api import Call, Outcome


def record_call(
    emit: Emit, node: str, call: Call, outcome: Outcome, start: float | None, end: float
) -> None:
    """Record the result of `call`; `start` and `end` are seconds since the run's start."""
    emit(
        "test_case",
        node=node,
        definition="lava",
        case=case_of(call),
        result="pass" if outcome.status is Status.DONE else "fail",
        measurement=None,
        units=None,
        set=None,
        start=start,
        end=end,
    )
