"""A job's requirements on a file: checksums, compression, request headers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Job key -> algorithm of the checksum.
CHECKSUM_KEYS = {
    "image_sha256": "sha256",
    "md5sum": "md5",
    "sha256sum": "sha256",
    "sha512sum": "sha512",
}
#: Algorithm -> hexadecimal digits of a checksum.
DIGEST_DIGITS = {"md5": 32, "sha256": 64, "sha512": 128}
#: Algorithm -> name in messages.
ALGORITHM_NAMES = {"md5": "MD5", "sha256": "SHA-256", "sha512": "SHA-512"}


@dataclass(frozen=True)
class Terms:
    """The requirements on a file as fetched, before decompression.

    `sums` are the expected checksums by job key. `compression` is the required suffix, None
    for any. `headers` are sent to the HTTP server and may be secret.
    """

    sums: Mapping[str, str] = field(default_factory=dict)
    compression: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def sha256(self) -> str | None:
        """The expected SHA-256, by which the cache can find the file; None if not given."""
        found = (wanted for key, wanted in self.sums.items() if CHECKSUM_KEYS[key] == "sha256")
        return next(found, None)


NO_TERMS = Terms()

#: Parameter of deploy actions that come from a LAVA job: file -> its `Terms`.
TERMS = "terms"
