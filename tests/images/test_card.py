"""Cards as the boards of 2013 have them."""

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


def test_image_layout_is_verbatim(panda, tmp_path):
    """The layout `image` is the image, to the byte; zeros take no room."""
    card = tmp_path / "card"
    write_card(panda, card, "image")
    assert card.read_bytes() == panda.getvalue()
    assert card.stat().st_blocks * 512 < card.stat().st_size


def test_master_layout(panda, tmp_path):
    """Boot files are on partition 3, testboot; the root on 5, testrootfs; 4 is extended."""
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
    """An image may be a path too."""
    image = tmp_path / "image"
    image.write_bytes(panda.getvalue())
    write_card(image, tmp_path / "card", "master")
    assert (tmp_path / "card").stat().st_size > 0


def test_second_card_has_nothing_of_the_first(panda, tmp_path):
    """A card file is made anew: no byte of a longer one before it stays."""
    card = tmp_path / "card"
    card.write_bytes(b"\xff" * (20 << 20))
    write_card(panda, card, "image")
    assert card.read_bytes() == panda.getvalue()


def test_progress_reaches_the_total(panda, tmp_path):
    """Progress only grows, and ends at all of it."""
    seen = []
    write_card(panda, tmp_path / "card", "master", lambda *place: seen.append(place))
    assert seen == sorted(seen)
    assert seen[-1] == (BOOT.size + ROOT.size + 8_422_912,) * 2  # the last: the boot loader's


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
    """An image that cannot make a card is refused by what is wrong with it."""
    damage(panda)
    with pytest.raises(DeployError, match=message):
        write_card(panda, tmp_path / "card", "master")


def test_empty_image(tmp_path):
    """Nothing is not an image, in either layout."""
    with pytest.raises(DeployError, match="empty"):
        write_card(io.BytesIO(), tmp_path / "card", "image")


def test_unknown_layout(panda, tmp_path):
    """A layout that there is not is named, with those that there are."""
    with pytest.raises(DeployError, match="'gpt': one of image, master"):
        write_card(panda, tmp_path / "card", "gpt")


def test_unwritable_card(panda, tmp_path):
    """A card that cannot be written is a DeployError that names it."""
    with pytest.raises(DeployError, match="missing/card"):
        write_card(panda, tmp_path / "missing" / "card", "image")


def test_a_stream_will_do_for_the_image_layout(panda, tmp_path):
    """A decompressor's output goes straight to the card, a hole at its end too."""
    data = panda.getvalue() + bytes(3 << 20)
    packed = io.BytesIO(gzip.compress(data))
    with gzip.open(packed) as stream:
        write_card(stream, tmp_path / "card", "image")
    assert (tmp_path / "card").read_bytes() == data
    with gzip.open(io.BytesIO(gzip.compress(b""))) as stream, pytest.raises(DeployError):
        write_card(stream, tmp_path / "card", "image")


@pytest.mark.parametrize("layout", ["image", "master"])
def test_a_card_that_is_a_file_leaves_room_on_its_disk(panda, tmp_path, monkeypatch, layout):
    """Whatever an image unpacks to: others have files there."""
    monkeypatch.setattr(card_module, "MIN_FREE_BYTES", 1 << 60)
    monkeypatch.setattr(card_module, "UNCHECKED_BYTES", 0)
    with pytest.raises(DeployError, match="MiB are free on the disk of .*card"):
        write_card(panda, tmp_path / "card", layout)


def test_a_stream_will_do_for_the_card_of_2013(panda, tmp_path):
    """A decompressor's output is read once, and makes the card that the whole image makes."""
    write_card(panda, tmp_path / "plain", "master")
    with gzip.open(io.BytesIO(gzip.compress(panda.getvalue()))) as stream:
        stream.seek = None  # it would unpack all of it again
        write_card(stream, tmp_path / "card", "master")
    assert (tmp_path / "card").read_bytes() == (tmp_path / "plain").read_bytes()
    cut = gzip.compress(panda.getvalue()[: ROOT.start + ROOT.size - 1])
    with (
        gzip.open(io.BytesIO(cut)) as stream,
        pytest.raises(DeployError, match="truncated: .* bytes missing"),
    ):
        write_card(stream, tmp_path / "card", "master")


def test_a_root_before_the_boot_partition_is_found_too(panda, tmp_path):
    """Partition numbers are no order on the disk."""
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
def test_a_card_that_keeps_something_else_is_found_out(panda, tmp_path, monkeypatch, layout):
    """What is read back must be what was written, at every place."""
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
