"""The images that bootm and bootz start: legacy uImage headers, and the zImage magic."""

from __future__ import annotations

import struct
import zlib
from typing import NamedTuple

HEADER = 64
MAGIC = 0x27051956
KERNEL, RAMDISK, MULTI, SCRIPT = 2, 3, 4, 6
_STRUCT = struct.Struct(">7I4B32s")
_LINUX = 5
#: Numbers of architectures in headers, by U-Boot's names.
ARCHITECTURES = {
    "arm": 2,
    "x86": 3,
    "mips": 5,
    "ppc": 7,
    "arm64": 22,
    "x86_64": 24,
    "riscv": 26,
}
_ZIMAGE_AT, _ZIMAGE = 0x24, 0x016F2818
_IMAGE_AT, _IMAGES = 56, (b"ARM\x64", b"RSC\x05")
FDT_MAGIC = b"\xd0\x0d\xfe\xed"


class Header(NamedTuple):
    """The fields of a header; `size` (bytes) and `data_crc` exclude the header."""

    name: str
    kind: int
    size: int
    load: int
    entry: int
    data_crc: int
    compression: int


def make(
    data: bytes, name: str, kind: int, load: int = 0, entry: int = 0, arch: str = "arm"
) -> bytes:
    """Return `data` with a header: Linux, uncompressed, of 1 June 2013."""
    text = name.encode("ascii")[:31]
    fields = [
        MAGIC,
        0,
        1370044800,
        len(data),
        load,
        entry,
        zlib.crc32(data),
        _LINUX,
        ARCHITECTURES[arch],
        kind,
        0,
        text,
    ]
    fields[1] = zlib.crc32(_STRUCT.pack(*fields))
    return _STRUCT.pack(*fields) + data


def parse(raw: bytes) -> Header | None:
    """Return the header at the start of `raw`, None if there is none.

    Raise ValueError if its checksum is wrong.
    """
    if len(raw) < HEADER or int.from_bytes(raw[:4], "big") != MAGIC:
        return None
    fields = list(_STRUCT.unpack_from(raw))
    wanted, fields[1] = fields[1], 0
    if zlib.crc32(_STRUCT.pack(*fields)) != wanted:
        raise ValueError("bad header checksum")
    name = fields[11].partition(b"\0")[0].decode("ascii", "replace")
    _, _, _, size, load, entry, data_crc, _, _, kind, compression, _ = fields
    return Header(name, kind, size, load, entry, data_crc, compression)


def is_zimage(raw: bytes) -> bool:
    """Return True if `raw` starts like an ARM zImage."""
    return raw[_ZIMAGE_AT : _ZIMAGE_AT + 4] == struct.pack("<I", _ZIMAGE)


def is_image(raw: bytes) -> bool:
    """Return True if `raw` starts like an Image of arm64 or RISC-V, which booti starts."""
    return raw[_IMAGE_AT : _IMAGE_AT + 4] in _IMAGES


def make_zimage(payload: bytes) -> bytes:
    """Return `payload` with the first words of an ARM zImage."""
    nops = struct.pack("<I", 0xE1A00000) * 8
    size = 0x30 + len(payload)
    words = struct.pack("<4I", 0xEA000002, _ZIMAGE, 0, size)
    return nops + words + payload
