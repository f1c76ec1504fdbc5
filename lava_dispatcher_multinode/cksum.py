"""The checksum of POSIX cksum(1), which every board's shell has."""

from __future__ import annotations

import zlib

_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def cksum(data: bytes) -> int:
    """Return what `cksum` prints first for `data`.

    POSIX runs zlib's polynomial over the bits in the other order, starts from
    zero and appends the length; so with the bits of every byte turned round
    zlib's own loop, in C, does it.
    """
    length = len(data)
    tail = length.to_bytes((length.bit_length() + 7) // 8, "little")
    crc = zlib.crc32((data + tail).translate(_REVERSED), 0xFFFFFFFF)
    return int.from_bytes(crc.to_bytes(4, "little").translate(_REVERSED), "big")
