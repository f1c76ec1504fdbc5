"""MBR or GPT, and which partition is boot and which is root."""

from __future__ import annotations

import io

import pytest

from lava_dispatcher_multinode.errors import DeployError
from lava_dispatcher_multinode.images import ext, mbr, partitions

from .gpt_images import ARM64_ROOT, ESP, LINUX, MIB, PARTITIONS, SIZE, make, run


def add_roots(disk, numbers, table):
    """Put a small ext2 into each of the partitions."""
    for number in numbers:
        disk.seek(table.find(number).start)
        disk.write(ext.make_ext2(f"p{number}"))


@pytest.fixture
def disk(tmp_path):
    """An image of sfdisk, open for writing."""
    with make(tmp_path / "disk").open("r+b") as file:
        yield file


def test_gpt_and_mbr(disk, panda):
    """Both kinds of table are read; numbers are those of Linux."""
    table = partitions.read(disk)
    assert [part.number for part in table.partitions] == [1, 3, 4]
    assert (table.boot.number, table.root.number) == (1, 4)
    assert table.notes == ()
    assert table.describe() == "it has 1, 3, 4"
    table = partitions.read(panda)
    assert (table.boot.number, table.root.number) == (1, 2)


def test_the_head_of_a_stream(disk, panda):
    """The first bytes of a stream give the same partitions, without the end of the disk."""
    sizes = []

    def peek(size):
        sizes.append(size)
        disk.seek(0)
        return disk.read(size)

    assert partitions.read_head(peek).partitions == partitions.read(disk).partitions
    assert max(sizes) == 34 * 512
    content = panda.getvalue()
    head = partitions.read_head(lambda size: content[:size])
    assert head.partitions == partitions.read(panda).partitions


def test_a_hybrid_mbr_is_named(tmp_path):
    """Linux counts the GPT's partitions, a boot ROM the MBR's: the note has both."""
    path = make(tmp_path / "disk")
    run("sgdisk", "-h", "1:3", path)
    with path.open("rb") as file:
        table = partitions.read(file)
    assert [part.number for part in table.partitions] == [1, 3, 4]
    assert len(table.notes) == 1
    assert "hybrid MBR" in table.notes[0]


def test_a_gpt_without_protection_is_named(disk):
    """As in Linux, the MBR counts if it does not protect the GPT."""
    mbr.write(disk, [mbr.Partition(1, MIB, MIB, mbr.LINUX)])
    table = partitions.read(disk)
    assert [part.number for part in table.partitions] == [1]
    assert "Linux ignores" in table.notes[0]


@pytest.mark.parametrize(
    ("types", "exts", "accepted", "root"),
    [
        ((ESP, LINUX, ARM64_ROOT), (3, 4), (), 4),  # by type
        ((ESP, LINUX, LINUX), (3, 4), (3, 4), 3),  # the larger
        ((ESP, LINUX, LINUX), (3, 4), (4,), 4),  # the one with the directories of a root
        ((ESP, LINUX, LINUX), (3, 4), (), 3),
        ((ESP, LINUX, ARM64_ROOT), (3,), (), 3),  # the root of the type is no ext
        ((ESP, LINUX, LINUX), (), (), None),
    ],
)
def test_the_root(tmp_path, types, exts, accepted, root):
    """The root is found by type, by its directories, by size."""
    own = [(*part[:3], kind) for part, kind in zip(PARTITIONS, types, strict=True)]
    with make(tmp_path / "disk", own).open("r+b") as file:
        table = partitions.read(file)
        add_roots(file, exts, table)
        found = partitions.find_root(file, table, lambda part: part.number in accepted)
    assert (found and found.number) == root


def test_partition_2_comes_first():
    """In an MBR, partition 2 is the root, as in LAVA, even if a larger one follows."""
    disk = io.BytesIO(bytes(SIZE))
    mbr.write(
        disk, [mbr.Partition(2, MIB, 2 * MIB, 0x83), mbr.Partition(3, 4 * MIB, 9 * MIB, 0x83)]
    )
    table = partitions.read(disk)
    add_roots(disk, (2, 3), table)
    assert partitions.find_root(disk, table, lambda part: True).number == 2


def test_no_table():
    """A disk without a table is an error."""
    with pytest.raises(DeployError, match="no partition table"):
        partitions.read(io.BytesIO(bytes(2048)))
    with pytest.raises(DeployError, match="no partition table"):
        partitions.read_head(bytes)
