"""The header of qcow2 disks, checked before qemu-img reads one.

A qcow2 can name other files, which qemu-img would open with the rights of this process.
"""

from __future__ import annotations

import struct
from typing import IO, NamedTuple

from ..errors import DeployError

MAGIC = b"QFI\xfb"
MAX_VIRTUAL_BYTES = 1 << 40
_HEADER = struct.Struct(">4sIQIIQI")
_INCOMPATIBLE_AT, _LENGTH_AT = 72, 100  # of version 3
_EXTERNAL_DATA = 1 << 2
_CORRUPT = 1 << 1
_KNOWN_FEATURES = 0b11111  # dirty, corrupt, external data, compression type, extended L2
_EXTERNAL_NAME = 0x44415441  # header extension
_MAX_EXTENSIONS = 64


class Qcow2(NamedTuple):
    """What the header says."""

    version: int
    virtual_bytes: int


def read_header(disk: IO[bytes]) -> Qcow2:
    """Return the header; raise `DeployError` for a disk that is not used, with the reason."""
    disk.seek(0)
    head = disk.read(4096)
    if len(head) < 104 or not head.startswith(MAGIC):
        raise DeployError("the qcow2 is truncated")
    _, version, backing, backing_size, _, size, encryption = _HEADER.unpack_from(head)
    if version not in {2, 3}:
        raise DeployError(f"the qcow2 has version {version}; known are 2 and 3")
    if backing or backing_size:
        raise DeployError(
            "the qcow2 has a backing file, another file of this host: merge it first: "
            "qemu-img convert -O qcow2 IN OUT"
        )
    if encryption:
        raise DeployError("the qcow2 is encrypted")
    if not 0 < size <= MAX_VIRTUAL_BYTES:
        raise DeployError(f"the qcow2 has a virtual size of {size} bytes")
    if version == 3:
        _check_features(head)
    return Qcow2(version, size)


def _check_features(head: bytes) -> None:
    (features,) = struct.unpack_from(">Q", head, _INCOMPATIBLE_AT)
    if features & _EXTERNAL_DATA or _EXTERNAL_NAME in _extensions(head):
        raise DeployError("the qcow2 has an external data file, another file of this host")
    if features & _CORRUPT:
        raise DeployError("the qcow2 is marked as corrupt: repair it: qemu-img check -r all")
    if features & ~_KNOWN_FEATURES:
        raise DeployError(f"the qcow2 has unknown features: {features:#x}")


def _extensions(head: bytes) -> set[int]:
    """Return the types of the header extensions, up to their end mark."""
    found: set[int] = set()
    (at,) = struct.unpack_from(">I", head, _LENGTH_AT)
    while at + 8 <= len(head) and len(found) < _MAX_EXTENSIONS:
        kind, length = struct.unpack_from(">II", head, at)
        if kind == 0:
            break
        found.add(kind)
        at += 8 + (length + 7) // 8 * 8
    return found
