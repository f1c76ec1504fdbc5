"""Converts the values of events to the expected types.

Events may come from any file, so no value is trusted.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..multinode.api import Missing

if TYPE_CHECKING:
    from collections.abc import Collection


def text(value: Any) -> str:
    """Return `value` as text; None gives the empty text."""
    return "" if value is None else str(value)


def number(value: Any) -> float | None:
    """Return a finite number, or None."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None


def mapping(value: Any) -> Mapping[str, Any]:
    """Return a mapping unchanged, and an empty one for anything else."""
    return value if isinstance(value, Mapping) else {}


def missing(event: Mapping[str, Any]) -> Missing:
    """Return the devices that a `wait_started` event names and counts."""
    names = event.get("missing")
    names = tuple(text(name) for name in names) if isinstance(names, list | tuple) else ()
    more, not_joined = (int(number(event.get(key)) or 0) for key in ("missing_more", "not_joined"))
    return Missing(names, more, not_joined)


def choice(value: Any, allowed: Collection[str], otherwise: str) -> str:
    """Return `value` if it is in `allowed`, else `otherwise`."""
    return value if isinstance(value, str) and value in allowed else otherwise


def measurement(value: Any) -> float | int | str | None:
    """Return a measurement as a finite number, or as its text."""
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    given = text(value).strip()
    try:
        return int(given) if given.lstrip("+-").isdecimal() else _finite(given)
    except ValueError:  # int() also refuses thousands of digits
        return given or None


def _finite(given: str) -> float:
    value = float(given)
    if not math.isfinite(value):
        raise ValueError(given)
    return value
