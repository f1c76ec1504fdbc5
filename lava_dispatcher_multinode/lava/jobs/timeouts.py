"""LAVA's way to write a time, `{minutes: 5}`, and seconds."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

UNITS = {"days": 86400, "hours": 3600, "minutes": 60, "seconds": 1}


def seconds(value: Mapping[str, Any]) -> float:
    """Return the seconds of LAVA's mapping; `skip` is no time."""
    return float(sum(UNITS[unit] * value[unit] for unit in UNITS if unit in value))


def timeout(value: float) -> dict[str, int]:
    """Return LAVA's mapping of at least `value` seconds: one unit, whole, from 1."""
    whole = max(1, math.ceil(value))
    unit = next(unit for unit in UNITS if whole % UNITS[unit] == 0)
    return {unit: whole // UNITS[unit]}
