"""Reading and writing partition tables."""

import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lava_dispatcher_multinode.errors import DeployError
from lava_dispatcher_multinode.images import mbr

MIB = 1 << 20


def disk(size=64 * MIB):
    """Return an empty disk."""
    file = io.BytesIO()
    file.truncate(size)
    file.seek(size - 1)
    file.write(b"\0")
    return file


def layout(count):
    """Return three primary partitions and `count` logical ones."""
    parts = [
        mbr.Partition(1, MIB, MIB, 0x0C, True),
        mbr.Partition(2, 2 * MIB, MIB, 0x83),
        mbr.Partition(3, 3 * MIB, MIB, 0x83),
    ]
    logical = [mbr.Partition(5 + i, (5 + 2 * i) * MIB, MIB, 0x83) for i in range(count)]
    if logical:
        end = logical[-1].start + logical[-1].size
        parts.append(mbr.Partition(4, 4 * MIB, end - 4 * MIB, 0x0F))
    return sorted([*parts, *logical])


@pytest.mark.parametrize("count", [0, 1, 2, 7])
def test_written_tables_are_read(count):
    """Primary and logical partitions keep numbers and positions."""
    file = disk()
    mbr.write(file, layout(count))
    assert list(mbr.read(file)) == layout(count)


def test_size_is_of_the_content():
    """`size_of` does not change the position in the file."""
    file = io.BytesIO(b"x" * 1000)
    file.seek(10)
    assert mbr.size_of(file) == 1000
    assert file.tell() == 10


def test_no_table():
    """A disk without the signature of its first sector is an error."""
    with pytest.raises(DeployError, match="no partition table"):
        mbr.read(io.BytesIO(b"\0" * 1024))


def test_short_disk():
    """A file shorter than a sector is a DeployError."""
    with pytest.raises(DeployError, match="no partition table"):
        mbr.read(io.BytesIO(b"abc"))


def test_partition_behind_the_end():
    """The error for a truncated image has the number of the partition."""
    file = disk()
    mbr.write(file, layout(0))
    with pytest.raises(DeployError, match=r"partition 2 .*truncated"):
        mbr.read(io.BytesIO(file.getvalue()[: 2 * MIB + 5]))


def test_overlap():
    """Overlapping partitions are an error."""
    file = disk()
    mbr.write(file, [mbr.Partition(1, MIB, 2 * MIB, 0x83), mbr.Partition(2, 2 * MIB, MIB, 0x83)])
    with pytest.raises(DeployError, match="1 and 2 overlap"):
        mbr.read(file)


def test_cyclic_chain():
    """A cyclic chain of logical partitions is an error."""
    file = disk()
    mbr.write(file, layout(2))
    second = layout(2)[5].start - mbr.SECTOR
    file.seek(second + 446 + 16)
    file.write(struct.pack("<B3sB3sII", 0, b"", 5, b"", 0, 100))
    with pytest.raises(DeployError, match="cycle"):
        mbr.read(file)


def test_chain_that_leaves():
    """A chain outside the extended partition is an error."""
    file = disk()
    mbr.write(file, layout(2))
    file.seek(layout(2)[3].start + 446 + 16)
    file.write(struct.pack("<B3sB3sII", 0, b"", 5, b"", 1 << 30, 100))
    with pytest.raises(DeployError, match="leaves"):
        mbr.read(file)


@given(st.binary(min_size=64, max_size=64), st.binary(min_size=0, max_size=2048))
def test_any_table_is_read_or_refused(entries, rest):
    """Any table gives partitions inside the disk, or a DeployError."""
    content = b"\0" * 446 + entries + b"\x55\xaa" + rest
    try:
        found = mbr.read(io.BytesIO(content))
    except DeployError:
        return
    for partition in found:
        assert partition.start > 0
        assert partition.start + partition.size <= len(content)


def test_a_table_without_its_disk():
    """The first sector alone gives the four partitions of the table."""
    file = disk()
    mbr.write(file, layout(2))
    own = tuple(part for part in mbr.read(file) if part.number <= 4)
    assert mbr.parse_table(file.getvalue()[: mbr.SECTOR]) == own
    with pytest.raises(DeployError, match="no partition table"):
        mbr.parse_table(b"")
