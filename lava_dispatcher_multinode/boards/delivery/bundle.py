"""The overlay of one node, as it is delivered to its board."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class OverlayBundle:
    """An archive for the board's root directory, and the node's own environment file.

    `directory` is the job's directory on the board, without the prefix `root`.
    """

    archive: Path  # a gzip tar
    directory: str
    environment: bytes
    root: str = ""  # precedes every path on this board

    @cached_property
    def checksum(self) -> str:
        """The SHA-256 of the content; it is written last, so it shows that all files arrived."""
        digest = hashlib.sha256(self.environment)
        with self.archive.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
        return digest.hexdigest()

    @property
    def checksum_path(self) -> str:
        """The path of the checksum file on the board."""
        return f"{self.root}{self.directory}/overlay.sha256"

    @property
    def files(self) -> dict[str, bytes]:
        """Return the files beside the archive, by path, in the order of writing."""
        return {
            f"{self.root}{self.directory}/environment": self.environment,
            self.checksum_path: f"{self.checksum}\n".encode(),
        }
