"""The entries of LAVA's log, one YAML document per line."""

from __future__ import annotations

import json
from typing import Any

import yaml

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

#: A longer line is not parsed; LAVA's own limit is 100,000 bytes.
MAX_LINE_BYTES = 1 << 20


def parse_entry(line: bytes) -> dict[str, Any] | None:
    """Return the entry of a line; None if the line is no entry."""
    if not line.startswith(b"{") or len(line) > MAX_LINE_BYTES:
        return None
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        try:
            entry = yaml.load(line, _LOADER)  # noqa: S506 - a safe loader, in C where there is one
        except (yaml.YAMLError, ValueError, RecursionError):
            return None
    return entry if isinstance(entry, dict) and "lvl" in entry else None


def failure_reason(result: dict[str, Any]) -> str:
    """Return why an action has failed."""
    extra = result.get("extra")
    error = extra.get("fail") if isinstance(extra, dict) else None
    return str(error or "LAVA gives no reason")


def parse_number(value: Any) -> Any:
    """Return a measurement, which LAVA writes as text, as a number."""
    try:
        return None if value is None else float(value)
    except (TypeError, ValueError):
        return str(value)
