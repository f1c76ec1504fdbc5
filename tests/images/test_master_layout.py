"""The card layout of master images, from plain and packed images, MBR and GPT."""

from __future__ import annotations

import gzip
import io
import struct

import pytest

from lava_dispatcher_multinode.errors import DeployError
from lava_dispatcher_multinode.images import ext, mbr
from lava_dispatcher_multinode.images.card import write_card
from lava_dispatcher_multinode.images.example_images import BOOT, ROOT, boot_files
from lava_dispatcher_multinode.images.fat import FatVolume

from .gpt_images import ARM64_ROOT, ESP, make


def test_master_layout(panda, tmp_path):
    """The layout "master" has testboot in partition 3 and testrootfs in 5, inside 4."""
    card = tmp_path / "card"
    write_card(panda, card, "master")
    with card.open("rb") as file:
        parts = {part.number: part for part in mbr.read(file)}
        assert sorted(parts) == [1, 2, 3, 4, 5]
        assert parts[4].extended
        boot = FatVolume(file, parts[3].start, parts[3].size)
        assert boot.label == "testboot"
        content = {entry.name: boot.read(entry.name) for entry in boot.entries()}
        assert content == boot_files("panda")
        assert ext.label(file, parts[5].start) == "testrootfs"
        file.seek(parts[3].start + 28)
        assert struct.unpack("<I", file.read(4))[0] == parts[3].start // 512


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda image: image.truncate(0), "no partition table"),
        (lambda image: image.truncate(ROOT.start + 100), "partition 2 .* truncated"),
        (
            lambda image: (image.seek(BOOT.start), image.write(bytes(512))),
            r"partition 1 .*not a FAT",
        ),
        (
            lambda image: (image.seek(ROOT.start), image.write(bytes(4096))),
            r"partition 2 .*no ext2",
        ),
        (lambda image: mbr.write(image, [BOOT]), r"no partition 2 \(root\)"),
    ],
)
def test_broken_images(panda, tmp_path, damage, message):
    """The error for an unusable image names the cause."""
    damage(panda)
    with pytest.raises(DeployError, match=message):
        write_card(panda, tmp_path / "card", "master")


def test_a_stream_in_the_master_layout(panda, tmp_path):
    """A stream is read once and gives the same card as the image."""
    write_card(panda, tmp_path / "plain", "master")
    with gzip.open(io.BytesIO(gzip.compress(panda.getvalue()))) as stream:
        stream.seek = None  # a seek would decompress everything again
        write_card(stream, tmp_path / "card", "master")
    assert (tmp_path / "card").read_bytes() == (tmp_path / "plain").read_bytes()
    cut = gzip.compress(panda.getvalue()[: ROOT.start + ROOT.size - 1])
    with (
        gzip.open(io.BytesIO(cut)) as stream,
        pytest.raises(DeployError, match="truncated: .* bytes missing"),
    ):
        write_card(stream, tmp_path / "card", "master")


def test_a_root_before_the_boot_partition(panda, tmp_path):
    """The order of partitions on the disk can differ from their numbers."""
    data = panda.getvalue()
    moved = io.BytesIO()
    root = mbr.Partition(2, BOOT.start, ROOT.size, ROOT.type)
    boot = mbr.Partition(1, root.start + root.size, BOOT.size, BOOT.type)
    for part, old in ((root, ROOT), (boot, BOOT)):
        moved.seek(part.start)
        moved.write(data[old.start : old.start + old.size].ljust(old.size, b"\0"))
    mbr.write(moved, (root, boot))
    write_card(panda, tmp_path / "plain", "master")
    with gzip.open(io.BytesIO(gzip.compress(moved.getvalue()))) as stream:
        write_card(stream, tmp_path / "card", "master")
    assert (tmp_path / "card").read_bytes() == (tmp_path / "plain").read_bytes()


def test_a_gpt_in_the_master_layout(panda, tmp_path):
    """Boot and root of a GPT are found by type, from a file and from a stream alike."""
    image = tmp_path / "image"
    content = panda.getvalue()
    mib = 1 << 20
    boot, root = -(-BOOT.size // mib), -(-ROOT.size // mib)
    make(image, [(2, 1, boot, ESP), (5, 1 + boot, root, ARM64_ROOT)])
    with image.open("r+b") as file:
        for at, old in ((mib, BOOT), ((1 + boot) * mib, ROOT)):
            file.seek(at)
            file.write(content[old.start : old.start + old.size])
    write_card(image, tmp_path / "card", "master")
    with gzip.open(io.BytesIO(gzip.compress(image.read_bytes()))) as stream:
        write_card(stream, tmp_path / "packed", "master")
    assert (tmp_path / "card").read_bytes() == (tmp_path / "packed").read_bytes()
    with (tmp_path / "card").open("rb") as file:
        parts = {part.number: part for part in mbr.read(file)}
        volume = FatVolume(file, parts[3].start, parts[3].size)
        assert {entry.name: volume.read(entry.name) for entry in volume.entries()} == boot_files(
            "panda"
        )
        assert ext.label(file, parts[5].start) == "testrootfs"
