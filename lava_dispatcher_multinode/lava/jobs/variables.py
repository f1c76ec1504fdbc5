"""Environment variables and secrets that a LAVA job passes to its tests."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def flatten_environment(environment: Any) -> dict[str, str]:
    """Return a role's `environment` as LAVA exports it: nested keys are joined."""
    return dict(_flat(environment, ""))


def _flat(value: Any, name: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict | list):
        before = f"{name}_" if name else ""
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _flat(item, f"{before}{key}")
    elif isinstance(value, bool):
        yield name, str(int(value))
    else:
        yield name, "" if value is None else str(value)


def invalid_names(environment: Any) -> list[str]:
    """Return the names that no shell variable can have, or whose values none can hold."""
    return [
        name
        for name, value in flatten_environment(environment).items()
        if not _NAME.fullmatch(name) or "\0" in value
    ]


def format_secrets(submission: Mapping[str, Any]) -> bytes:
    """Return the content of the file `secrets`, which tests source; b"" without secrets."""
    found = submission.get("secrets")
    lines = [f"{key}={value}\n" for key, value in found.items()] if isinstance(found, dict) else []
    return "".join(lines).encode()
