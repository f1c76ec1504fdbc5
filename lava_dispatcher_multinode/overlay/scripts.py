"""The on-board scripts, found in the installed package or in a work tree."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import NamedTuple

PACKAGE = "lava_dispatcher_multinode.overlays"


class Script(NamedTuple):
    """One file for the board."""

    path: str  # below the board's directory: bin/lava-self
    content: bytes
    mode: int


@cache
def scripts() -> tuple[Script, ...]:
    """Return all of them, sorted by path; bin/ can be run, lib/ is sourced."""
    return tuple(
        Script(f"{folder}/{item.name}", item.read_bytes(), mode)
        for folder, mode in (("bin", 0o755), ("lib", 0o644))
        for item in sorted(files(PACKAGE).joinpath(folder).iterdir(), key=lambda item: item.name)
        if item.is_file() and not item.name.startswith((".", "_")) and not item.name.endswith("~")
    )
