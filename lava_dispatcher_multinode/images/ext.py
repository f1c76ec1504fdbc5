"""ext2, ext3 and ext4: reading and setting the label; an empty ext2; the tools for more."""

from __future__ import annotations

import shutil
import struct
from typing import TYPE_CHECKING, BinaryIO

from ..errors import DeployError

if TYPE_CHECKING:
    from collections.abc import Iterable

_AT, _SIZE = 1024, 1024  # of the superblock
_MAGIC, _LABEL, _RO_COMPAT, _CHECKSUM = 56, 120, 100, 1020
_METADATA_CSUM = 0x400
_TIMESTAMP = 1370044800  # 1 June 2013, UTC, for reproducible images
BLOCK_BYTES = 1024
_SYSTEM_PATH = "/usr/local/sbin:/usr/sbin:/sbin"


def find_program(name: str) -> str | None:
    """Return the path of a program, also one in a directory for root; None if it is missing."""
    return shutil.which(name) or shutil.which(name, path=_SYSTEM_PATH)


def debugfs_errors(output: bytes) -> list[str]:
    """Return the errors that debugfs, which always exits with 0, wrote after its version."""
    lines = output.decode("utf-8", "backslashreplace").splitlines()
    return [line for line in lines if line.strip() and not line.startswith("debugfs 1.")]


def crc32c(data: bytes) -> int:
    """Return the CRC-32C of ext4: seeded with ones, not inverted at the end."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc


def label(disk: BinaryIO, offset: int) -> str:
    """Return the label of the file system at byte `offset`; raise `DeployError` if not ext."""
    raw = _superblock(disk, offset)[_LABEL : _LABEL + 16]
    return raw.partition(b"\0")[0].decode("utf-8", "replace")


def uuid(disk: BinaryIO, offset: int) -> str:
    """Return the UUID in the form of `root=UUID=`; raise `DeployError` if not ext."""
    text = _superblock(disk, offset)[104:120].hex()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def set_label(disk: BinaryIO, offset: int, text: str) -> None:
    """Set the label, at most 16 bytes, and update the checksum of the superblock."""
    raw = text.encode()
    if len(raw) > 16:
        raise ValueError(f"an ext label has at most 16 bytes: {text!r}")
    block = bytearray(_superblock(disk, offset))
    block[_LABEL : _LABEL + 16] = raw.ljust(16, b"\0")
    if struct.unpack_from("<I", block, _RO_COMPAT)[0] & _METADATA_CSUM:
        struct.pack_into("<I", block, _CHECKSUM, crc32c(bytes(block[:_CHECKSUM])))
    disk.seek(offset + _AT)
    disk.write(block)


def make_ext2(text: str, blocks: int = 1024) -> bytes:
    """Return an ext2 of `blocks` (256 to 8192) KiB with the label `text`, empty."""
    if not 256 <= blocks <= 8192:
        raise ValueError("an ext2 of one group has 256 to 8192 blocks of 1 KiB")
    inodes, first_data = 128, 5 + 128 * 128 // BLOCK_BYTES
    # lost+found has 12 KiB, so that e2fsck need not grow it.
    lost = range(first_data + 1, first_data + 13)
    used = lost.stop
    image = bytearray(blocks * BLOCK_BYTES)
    head = struct.pack(
        "<13IHhHHHHIIIIHH",
        inodes,
        blocks,
        0,
        blocks - used,
        inodes - 11,
        1,
        0,
        0,
        8192,
        8192,
        inodes,
        0,
        _TIMESTAMP,
        0,
        -1,
        0xEF53,
        1,
        1,
        0,
        _TIMESTAMP,
        0,
        0,
        1,
        0,
        0,
    ) + struct.pack("<IHHIII", 11, 128, 0, 0, 2, 0)  # file types in directories
    identity = bytes.fromhex("6c617661201346018d6e746573740001")
    image[1024:2048] = (head + identity + text.encode().ljust(16, b"\0")).ljust(1024, b"\0")
    image[2048:2066] = struct.pack("<IIIHHH", 3, 4, 5, blocks - used, inodes - 11, 2)
    image[3072:4096] = _bitmap(range(used - 1), blocks - 1)  # bit 0 is block 1
    image[4096:5120] = _bitmap(range(11), inodes)
    _inode(image, 2, [first_data], links=3)
    _inode(image, 11, list(lost), links=2)
    root = _name(2, 12, b".") + _name(2, 12, b"..") + _name(11, BLOCK_BYTES - 24, b"lost+found")
    image[first_data * BLOCK_BYTES : (first_data + 1) * BLOCK_BYTES] = root
    for block in lost:
        content = _name(0, BLOCK_BYTES, b"")
        if block == lost.start:
            content = _name(11, 12, b".") + _name(2, BLOCK_BYTES - 12, b"..")
        image[block * BLOCK_BYTES : (block + 1) * BLOCK_BYTES] = content
    return bytes(image)


def _superblock(disk: BinaryIO, offset: int) -> bytes:
    disk.seek(offset + _AT)
    block = disk.read(_SIZE)
    if len(block) < _SIZE or block[_MAGIC : _MAGIC + 2] != b"\x53\xef":
        raise DeployError(f"no ext2, ext3 or ext4 file system at byte {offset}")
    return block


def _bitmap(used: Iterable[int], bits: int) -> bytes:
    """Return a bitmap block; bits from `bits` on are marked as used."""
    bitmap = bytearray(BLOCK_BYTES)
    for bit in (*used, *range(bits, BLOCK_BYTES * 8)):
        bitmap[bit // 8] |= 1 << bit % 8
    return bytes(bitmap)


def _inode(image: bytearray, number: int, blocks: list[int], links: int) -> None:
    direct, indirect = blocks[:12], 0
    raw = struct.pack(
        "<HHIIIIIHHIII",
        0o40755,
        0,
        len(blocks) * BLOCK_BYTES,
        _TIMESTAMP,
        _TIMESTAMP,
        _TIMESTAMP,
        0,
        0,
        links,
        len(blocks) * 2,
        0,
        0,
    ) + struct.pack("<13I", *direct, *[0] * (12 - len(direct)), indirect)
    at = 5 * BLOCK_BYTES + (number - 1) * 128
    image[at : at + len(raw)] = raw


def _name(inode: int, length: int, name: bytes) -> bytes:
    kind = 2 if inode else 0
    return (struct.pack("<IHBB", inode, length, len(name), kind) + name).ljust(length, b"\0")
