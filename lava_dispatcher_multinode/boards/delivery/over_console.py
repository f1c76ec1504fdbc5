"""The overlay over nothing but the console."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from .unpack import put_unpacked, unpack

if TYPE_CHECKING:
    from ..shell import Shell
    from .bundle import Parcel

ARCHIVE = "/tmp/lava-overlay.tar.gz"  # noqa: S108 - on the board, which is ours


def over_console(shell: Shell, parcel: Parcel) -> None:
    """Type the overlay; `DeployError` if it does not get there."""
    packed = parcel.root + ARCHIVE
    unpacked = False
    if shell.has("tar"):
        shell.put(parcel.archive.read_bytes(), packed)
        unpacked = unpack(shell, packed, parcel.root)
        shell.run(f"rm -f {shlex.quote(packed)}")
    if not unpacked:
        put_unpacked(shell, parcel)
    for path, content in parcel.files.items():
        shell.put(content, path)
