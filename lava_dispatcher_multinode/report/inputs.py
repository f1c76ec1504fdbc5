"""The inputs of a report beside the events of its run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .consoles import Consoles

if TYPE_CHECKING:
    from .results import Results


@dataclass(frozen=True)
class Origin:
    """The submitter of a KCIDB report, and the tested build as `origin:id`.

    An empty `build` gives a build named after the job.
    """

    name: str = "lava_multinode"
    build: str = ""


@dataclass(frozen=True)
class ReportInputs:
    """The consoles, an earlier run to compare with (`before`), and the origin for KCIDB."""

    consoles: Consoles = field(default_factory=lambda: Consoles(None))
    before: Results | None = None
    origin: Origin = field(default_factory=Origin)


NO_INPUTS = ReportInputs()
