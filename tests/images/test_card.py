"""Writing images to cards in both layouts."""

import gzip
import io

import pytest

from lava_dispatcher_multinode.errors import DeployError
from lava_dispatcher_multinode.images.card import write_card


def test_image_layout(panda, tmp_path):
    """The layout "image" writes the image unchanged, with holes for zeros."""
    card = tmp_path / "card"
    write_card(panda, card, "image")
    assert card.read_bytes() == panda.getvalue()
    assert card.stat().st_blocks * 512 < card.stat().st_size


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
