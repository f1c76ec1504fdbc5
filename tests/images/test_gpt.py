"""Reading GUID partition tables, of the real tools and of damaged and hostile disks."""

from __future__ import annotations

import io
import struct
import zlib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lava_dispatcher_multinode.errors import DeployError
from lava_dispatcher_multinode.images import gpt, partitions

from .gpt_images import MIB, PARTITIONS, SIZE, make, run


@pytest.fixture
def disk(tmp_path):
    """An image with a GPT of sfdisk, as bytes that a test may change."""
    return bytearray(make(tmp_path / "disk").read_bytes())


def read(content):
    """Return the partitions of an image in memory."""
    return gpt.read(io.BytesIO(content), len(content))


def places(table):
    """Return number, start and size of each partition."""
    return [(part.number, part.start, part.size) for part in table]


def seal(disk, place=1):
    """Make the checksums of a header and its table right again."""
    at = place * 512
    table, count = (
        struct.unpack_from("<Q", disk, at + 72)[0],
        struct.unpack_from("<I", disk, at + 80)[0],
    )
    raw = bytes(disk[table * 512 : table * 512 + count * 128])
    struct.pack_into("<I", disk, at + 88, zlib.crc32(raw))
    struct.pack_into("<I", disk, at + 16, 0)
    struct.pack_into("<I", disk, at + 16, zlib.crc32(bytes(disk[at : at + 92])))


def test_tables_of_sfdisk(disk):
    """Partitions have the numbers and places that sfdisk wrote, with a gap in the numbers."""
    found, notes = read(disk)
    assert places(found) == [(n, first * MIB, size * MIB) for n, first, size, _ in PARTITIONS]
    assert [part.purpose for part in found] == ["boot", "", "root"]
    assert notes == []


def test_tables_of_sgdisk(tmp_path):
    """sgdisk's types and a table that was moved behind a boot loader are read."""
    path = tmp_path / "disk"
    path.write_bytes(bytes(SIZE))
    run("sgdisk", "-j", "4096", "-n", "1:12288:+2M", "-t", "1:ef00", "-n", "128:0:+4M",
        "-t", "128:8304", "-A", "128:set:2", path)  # fmt: skip
    found, notes = read(path.read_bytes())
    assert places(found) == [(1, 12288 * 512, 2 * MIB), (128, 12288 * 512 + 2 * MIB, 4 * MIB)]
    assert [(part.purpose, part.bootable) for part in found] == [("boot", False), ("root", True)]
    assert notes == []


def test_tables_of_parted(tmp_path):
    """parted's tables are read."""
    path = tmp_path / "disk"
    path.write_bytes(bytes(SIZE))
    run("parted", "-s", path, "mklabel", "gpt", "mkpart", "a", "fat32", "1MiB", "5MiB",
        "mkpart", "b", "ext4", "5MiB", "9MiB", "set", "1", "esp", "on")  # fmt: skip
    found, _ = read(path.read_bytes())
    assert places(found) == [(1, MIB, 4 * MIB), (2, 5 * MIB, 4 * MIB)]
    assert found[0].purpose == "boot"


@pytest.mark.parametrize(
    ("at", "message"),
    [
        (512, "no header in sector 1"),
        (512 + 24, "wrong checksum of the header in sector 1"),
        (1024 + 40, "wrong checksum of the table in sector 2"),
    ],
)
def test_damage_is_named(disk, at, message):
    """A damaged first table is refused, as by Linux, with the way to repair it."""
    disk[at] ^= 0xFF
    with pytest.raises(DeployError, match=f"GPT is damaged: {message}; its backup .* intact"):
        read(disk)
    disk[-512] ^= 0xFF
    with pytest.raises(DeployError, match=f"GPT is damaged: {message}$"):
        read(disk)


@pytest.mark.parametrize("change", ["header", "table", "gone", "other"])
def test_a_damaged_backup_is_a_note(disk, change):
    """Linux and U-Boot do not need the backup; the note says what is wrong."""
    if change == "header":
        disk[-512 + 30] ^= 0xFF
    elif change == "table":
        disk[-33 * 512] ^= 0xFF
    elif change == "gone":
        del disk[25 * MIB :]
    else:
        disk[1024 + 3 * 128 + 48] += (
            1  # the first end sector of partition 4's entry, and not its copy
        )
        seal(disk)
    found, notes = read(disk)
    assert len(found) == 3
    assert len(notes) == 1
    assert "the backup of the GPT cannot be used" in notes[0]


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ((1024 + 32, "<Q"), (5,), "partition 1 .*not inside"),  # before the first usable sector
        ((512 + 80, "<II"), (128, 256), "128 entries of 256 bytes"),
        ((512 + 80, "<II"), (1 << 20, 128), "1048576 entries"),
        ((512 + 72, "<Q"), (1 << 62,), "128 bytes in sector 4611686018427387904"),
    ],
)
def test_unusual_tables(disk, field, value, message):
    """Partitions outside, entry sizes that Linux does not read, huge tables: refused."""
    at, form = field
    struct.pack_into(form, disk, at, *value)
    seal(disk)
    with pytest.raises(DeployError, match=message):
        read(disk)


def test_overlaps_and_truncation(disk):
    """Overlapping partitions, and partitions behind the end of the image, are refused."""
    with pytest.raises(DeployError, match="partition 4 ends at .*truncated"):
        read(disk[: 20 * MIB])
    struct.pack_into("<Q", disk, 1024 + 2 * 128 + 40, 17 * 2048)
    seal(disk)
    with pytest.raises(DeployError, match="3 and 4 overlap"):
        read(disk)


def test_other_sector_sizes(disk):
    """A GPT for sectors of 4096 bytes is named as that."""
    moved = bytearray(SIZE)
    moved[4096 : 4096 + 512] = disk[512:1024]
    with pytest.raises(DeployError, match="sectors of 4096 bytes"):
        read(moved)


header_fields = st.tuples(
    *[st.integers(0, (1 << 64) - 1)] * 5, *[st.integers(0, (1 << 32) - 1)] * 2
)


@given(header_fields, st.binary(max_size=2048))
@example((31, 34, 60, 0, 2, 4, 128), b"\1" * 512)
@example(((1 << 64) - 1, 34, 60, 0, 2, 1, 128), b"\1" * 512)
def test_any_table_is_read_or_refused(fields, entries):
    """Any header with right checksums gives partitions inside the disk, or a DeployError."""
    other, first, last, _, table, count, size = fields
    disk = bytearray(64 * 512)
    disk[1024 : 1024 + len(entries)] = entries
    struct.pack_into("<8sIIIIQQQQ16sQIII", disk, 512, b"EFI PART", 1 << 16, 92, 0, 0, 1, other,
                     first, last, b"", table, count, size, 0)  # fmt: skip
    if table < 1 << 20 and count < 1 << 12:
        seal(disk)
    try:
        found, _ = read(bytes(disk))
    except DeployError:
        return
    for part in found:
        assert 0 <= part.start < part.start + part.size <= len(disk)


@given(st.lists(st.tuples(st.integers(0, 40), st.binary(min_size=1, max_size=8)), max_size=4))
def test_any_damage_is_read_or_refused(changes):
    """Any change to the head of a disk ends in partitions or a DeployError."""
    disk = bytearray(64 * 512)
    struct.pack_into("<8sIIIIQQQQ16sQIII", disk, 512, b"EFI PART", 1 << 16, 92, 0, 0, 1, 63,
                     34, 60, b"", 2, 4, 128, 0)  # fmt: skip
    disk[510:512], disk[450] = b"\x55\xaa", 0xEE
    disk[454:462] = struct.pack("<II", 1, 63)
    seal(disk)
    for at, data in changes:
        disk[446 + 4 * at : 446 + 4 * at + len(data)] = data
    try:
        partitions.read(io.BytesIO(disk))
    except DeployError:
        return
