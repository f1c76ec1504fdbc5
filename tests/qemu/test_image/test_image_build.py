"""Parts of the test image that need no packages; tests/e2e boots the image."""

from __future__ import annotations

import lzma

import pytest

from lava_dispatcher_multinode.errors import InfrastructureError
from lava_dispatcher_multinode.images import mbr
from lava_dispatcher_multinode.qemu.test_image import image_build

BUSYBOX = b"\x7fELF...\0usage\0[\0[[\0ash\0busybox\0sh\0\0more"


def test_applets_of_a_binary():
    """The applets are found; a binary without a list is an error, not a board without sh."""
    assert image_build.find_applets(BUSYBOX) == ["[", "[[", "ash", "sh"]
    with pytest.raises(InfrastructureError, match="no list of applets"):
        image_build.find_applets(b"\x7fELF\0\0")


def test_the_kernel_is_unpacked_by_the_host():
    """The first magic number with a valid stream counts: the unpacking code has one too."""
    packed = lzma.compress(b"kernel" * 1000)
    assert (
        image_build._unpack_kernel(b"code \xfd7zXZ\0 code" + packed + b"tail") == b"kernel" * 1000
    )
    with pytest.raises(InfrastructureError, match="not compressed with XZ"):
        image_build._unpack_kernel(b"something else")


def test_the_partitions_fit_the_card():
    """Partitions start at a MiB and do not overlap."""
    for part in (image_build.BOOT, image_build.ROOT):
        assert part.start % image_build.MIB == 0
        assert part.start + part.size <= image_build.CARD_BYTES
    assert image_build.BOOT.start + image_build.BOOT.size <= image_build.ROOT.start
    assert image_build.FAT.clusters < 65525  # more would be a FAT32
    assert mbr.SECTOR * image_build.FAT.total == image_build.FAT.size
