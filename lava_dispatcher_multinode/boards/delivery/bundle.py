"""What a board is to get, whichever way it goes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Parcel:
    """An archive for the board's root, and the node's own environment.

    `directory` is the job's directory on the board (without `root`, which
    comes before every path there).
    """

    archive: Path  # a gzip tar
    directory: str
    environment: bytes
    root: str = ""

    @cached_property
    def mark(self) -> str:
        """What tells this parcel from any other: put there last, it says that all is there."""
        digest = hashlib.sha256(self.environment)
        with self.archive.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
        return digest.hexdigest()

    @property
    def mark_path(self) -> str:
        """Where the mark is on the board."""
        return f"{self.root}{self.directory}/overlay.sha256"

    @property
    def files(self) -> dict[str, bytes]:
        """Return what goes there beside the archive, by path, in this order."""
        return {
            f"{self.root}{self.directory}/environment": self.environment,
            self.mark_path: f"{self.mark}\n".encode(),
        }
