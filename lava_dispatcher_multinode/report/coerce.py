"""The values of an event, whatever somebody put there, as the type that is expected.

Events come from a file as often as from a run, so nothing is taken on trust.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..multinode.api import Missing

if TYPE_CHECKING:
    from collections.abc import Collection


def text(value: Any) -> str:
    """Return `value` as text; nothing is the empty text."""
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
    """Return a mapping as it is, and anything else as an empty one."""
    return value if isinstance(value, Mapping) else {}


def missing(event: Mapping[str, Any]) -> Missing:
    """Return the devices that a `wait_started` event names and counts."""
    names = event.get("missing")
    names = tuple(text(name) for name in names) if isinstance(names, list | tuple) else ()
    more, not_joined = (int(number(event.get(key)) or 0) for key in ("missing_more", "not_joined"))
    return Missing(names, more, not_joined)


def choice(value: Any, allowed: Collection[str], otherwise: str) -> str:
    """Return `value` if it is one of `allowed`."""
    return value if isinstance(value, str) and value in allowed else otherwise


def measurement(value: Any) -> float | int | str | None:
    """Return a measurement as a number where it is one, otherwise as it was given."""
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
