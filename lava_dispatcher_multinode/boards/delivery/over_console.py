"""Delivers the overlay over the console alone."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from .unpack import unpack, upload_members

if TYPE_CHECKING:
    from ..shell_files import ShellUploader
    from .bundle import OverlayBundle

ARCHIVE = "/tmp/lava-overlay.tar.gz"  # noqa: S108 - on the board, which is ours


def over_console(uploader: ShellUploader, bundle: OverlayBundle) -> None:
    """Type the overlay; `DeployError` if it does not arrive."""
    shell = uploader.shell
    packed = bundle.root + ARCHIVE
    unpacked = False
    if shell.has("tar"):
        uploader.upload(bundle.archive.read_bytes(), packed)
        unpacked = unpack(shell, packed, bundle.root)
        shell.run(f"rm -f {shlex.quote(packed)}")
    if not unpacked:
        upload_members(uploader, bundle)
    for path, content in bundle.files.items():
        uploader.upload(content, path)
