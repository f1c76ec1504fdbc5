"""Writing images to cards in both layouts."""

import gzip
import io
import struct

import pytest

from lava_dispatcher_multinode.errors import DeployError
from lava_dispatcher_multinode.images import card as card_module
from lava_dispatcher_multinode.images import ext, mbr
from lava_dispatcher_multinode.images.card import write_card
from lava_dispatcher_multinode.images.example_images import BOOT, ROOT, boot_files
from lava_dispatcher_multinode.images.fat import FatVolume


def test_image_layout(panda, tmp_path):
    """The layout "image" writes the image unchanged, with holes for zeros."""
    card = tmp_path / "card"
    write_card(panda, card, "image")
    assert card.read_bytes() == panda.getvalue()
    assert card.stat().st_blocks * 512 < card.stat().st_size


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


def test_path_as_source(panda, tmp_path):
    """An image can be a path."""
    image = tmp_path / "image"
    image.write_bytes(panda.getvalue())
    write_card(image, tmp_path / "card", "master")
    assert (tmp_path / "card").stat().st_size > 0


def test_a_card_file_is_truncated(panda, tmp_path):
    """No byte of an earlier, longer card file remains."""
    card = tmp_path / "card"
    card.write_bytes(b"\xff" * (20 << 20))
    write_card(panda, card, "image")
    assert card.read_bytes() == panda.getvalue()


def test_progress_reaches_the_total(panda, tmp_path):
    """Progress grows up to the total."""
    seen = []
    write_card(panda, tmp_path / "card", "master", lambda *place: seen.append(place))
    assert seen == sorted(seen)
    assert seen[-1] == (BOOT.size + ROOT.size + 8_422_912,) * 2  # the last is the boot loader


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


def test_empty_image(tmp_path):
    """An empty image is an error in both layouts."""
    with pytest.raises(DeployError, match="empty"):
        write_card(io.BytesIO(), tmp_path / "card", "image")


def test_unknown_layout(panda, tmp_path):
    """The error for an unknown layout lists the known ones."""
    with pytest.raises(DeployError, match="'gpt': one of image, master"):
        write_card(panda, tmp_path / "card", "gpt")


def test_unwritable_card(panda, tmp_path):
    """The error for an unwritable card names it."""
    with pytest.raises(DeployError, match="missing/card"):
        write_card(panda, tmp_path / "missing" / "card", "image")


def test_a_stream_in_the_image_layout(panda, tmp_path):
    """A stream is written completely, including a hole at its end."""
    data = panda.getvalue() + bytes(3 << 20)
    packed = io.BytesIO(gzip.compress(data))
    with gzip.open(packed) as stream:
        write_card(stream, tmp_path / "card", "image")
    assert (tmp_path / "card").read_bytes() == data
    with gzip.open(io.BytesIO(gzip.compress(b""))) as stream, pytest.raises(DeployError):
        write_card(stream, tmp_path / "card", "image")


@pytest.mark.parametrize("layout", ["image", "master"])
def test_a_card_file_leaves_free_space(panda, tmp_path, monkeypatch, layout):
    """Writing a card file stops before its disk is full."""
    monkeypatch.setattr(card_module, "MIN_FREE_BYTES", 1 << 60)
    monkeypatch.setattr(card_module, "UNCHECKED_BYTES", 0)
    with pytest.raises(DeployError, match="MiB are free on the disk of .*card"):
        write_card(panda, tmp_path / "card", layout)


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


@pytest.mark.parametrize("layout", ["image", "master"])
def test_a_worn_out_card(panda, tmp_path, monkeypatch, layout):
    """A difference anywhere between written and read data is an error."""
    whole = card_module._copy

    def worn(source, card, to, size, report):
        copy = whole(source, card, to, size, report)
        card.seek(to + copy.size - 1)
        last = card.read(1)
        card.seek(to + copy.size - 1)
        card.write(bytes([last[0] ^ 1]))
        return copy

    monkeypatch.setattr(card_module, "_copy", worn)
    with pytest.raises(DeployError, match="differs from the written data"):
        write_card(panda, tmp_path / "card", layout)
