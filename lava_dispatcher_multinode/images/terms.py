"""What a job says of a file that it names: checksums, packing, headers for the server."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Key of a job -> the algorithm of its checksum.
SUMS = {"image_sha256": "sha256", "md5sum": "md5", "sha256sum": "sha256", "sha512sum": "sha512"}
#: Hexadecimal digits of a checksum.
DIGITS = {"md5": 32, "sha256": 64, "sha512": 128}
#: Name of an algorithm in messages.
NAMES = {"md5": "MD5", "sha256": "SHA-256", "sha512": "SHA-512"}


@dataclass(frozen=True)
class Terms:
    """The terms on which a file is taken; all of them of the file as it is fetched.

    `sums` are expected checksums by the job's keys. `packed` is the suffix of how the file
    must be packed, None where the job does not say it. `headers` go to the HTTP server; they
    may be secret.
    """

    sums: Mapping[str, str] = field(default_factory=dict)
    packed: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def sha256(self) -> str | None:
        """The expected SHA-256, by which a file may be found in the cache."""
        found = (wanted for key, wanted in self.sums.items() if SUMS[key] == "sha256")
        return next(found, None)


FREE = Terms()

#: Parameter of a deploy action that only a LAVA job's blocks have: file -> its `Terms`.
TERMS = "terms"
