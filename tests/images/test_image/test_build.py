"""The parts of the test image that need no packages; tests/e2e boots the whole."""

from __future__ import annotations

import lzma

import pytest

from lava_dispatcher_multinode.errors import InfrastructureError
from lava_dispatcher_multinode.images import mbr
from lava_dispatcher_multinode.images.test_image import build

BUSYBOX = b"\x7fELF...\0usage\0[\0[[\0ash\0busybox\0sh\0\0more"


def test_programs_names_are_in_the_binary():
    """They become links; an unknown binary is refused rather than made a board without sh."""
    assert build.applets(BUSYBOX) == ["[", "[[", "ash", "sh"]
    with pytest.raises(InfrastructureError, match="unknown place"):
        build.applets(b"\x7fELF\0\0")


def test_the_kernel_is_unpacked_by_the_host():
    """The magic number is in the unpacking code, too: the first that is a stream counts."""
    packed = lzma.compress(b"kernel" * 1000)
    assert build._unpacked(b"code \xfd7zXZ\0 code" + packed + b"tail") == b"kernel" * 1000
    with pytest.raises(InfrastructureError, match="not packed with XZ"):
        build._unpacked(b"something else")


def test_the_partitions_fit_the_card():
    """They start at a MiB each and do not overlap."""
    for part in (build.BOOT, build.ROOT):
        assert part.start % build.MIB == 0
        assert part.start + part.size <= build.SIZE
    assert build.BOOT.start + build.BOOT.size <= build.ROOT.start
    assert build.FAT.clusters < 65525  # more would be a FAT32
    assert mbr.SECTOR * build.FAT.total == build.FAT.size
