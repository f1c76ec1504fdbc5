"""The on-board scripts, found in the installed package or in a work tree."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

PACKAGE = "lava_dispatcher_multinode.overlays"


class Script(NamedTuple):
    """One file for the board."""

    path: str  # below the board's directory: bin/lava-self
    content: bytes
    mode: int


@cache
def scripts() -> tuple[Script, ...]:
    """Return all of them, sorted by path; bin/ can be run, lib/ is sourced."""
    home = _home()
    return tuple(
        Script(f"{folder}/{item.name}", item.read_bytes(), mode)
        for folder, mode in (("bin", 0o755), ("lib", 0o644))
        for item in sorted(home.joinpath(folder).iterdir(), key=lambda item: item.name)
        if item.is_file() and not item.name.startswith((".", "_")) and not item.name.endswith("~")
    )


def _home() -> Traversable:
    """Return the directory of bin/ and lib/.

    Python started at the root of a checkout imports the package from there, which hides an
    installed one; the scripts are at the checkout's top level.
    """
    try:
        return files(PACKAGE)
    except ModuleNotFoundError:
        return Path(__file__).parents[2] / "overlays"
