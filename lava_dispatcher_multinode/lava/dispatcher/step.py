"""What a block of LAVA's becomes on a board of this package's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping


class Step(NamedTuple):
    """One command of this package; `refused` says why a block is none, `at` where in the block.

    `wrong`: LAVA refuses it, too.
    """

    command: str
    parameters: Mapping[str, Any] = {}
    refused: str = ""
    timeout: Mapping[str, Any] | None = None
    at: tuple[str | int, ...] = ()
    wrong: bool = False


def refuse(what: str, why: str, at: tuple[str | int, ...] = ()) -> Step:
    """Return the step of a block, or of a key in it, that only LAVA's dispatcher has."""
    return Step(what, refused=why, at=at)
