"""The card as firmware sees it."""

import pytest

from lava_dispatcher_multinode.simulator.uboot import storage


def test_no_card(tmp_path):
    """A file that is not there, or empty, is an empty slot."""
    (tmp_path / "empty").touch()
    for name in ("missing", "empty"):
        assert storage.partitions(tmp_path / name) == ()
        with pytest.raises(storage.NoCard), storage.opened(tmp_path / name):
            pass


def test_partitions(card):
    """Partitions are found by number; an extended one is not one to use."""
    assert storage.partition(card, 3).type == 0x0E
    assert storage.partition(card, 4) is None
    assert storage.partition(card, 9) is None


def test_garbage(tmp_path):
    """A card full of garbage has no partitions, and breaks nothing."""
    (tmp_path / "card").write_bytes(b"\xa5" * 100_000)
    assert storage.partitions(tmp_path / "card") == ()


def test_ext_names(card):
    """The root is known by its label; a FAT has none of ext's names."""
    assert storage.ext_names(card, storage.partition(card, 5))[0] == "testrootfs"
    assert storage.ext_names(card, storage.partition(card, 3)) is None


def test_signature_changes_with_the_card(card, tmp_path):
    """A card that is written again is another one."""
    before = storage.signature(card)
    assert storage.signature(card) == before
    card.write_bytes(card.read_bytes() + b"\0" * 512)
    assert storage.signature(card) != before
    assert storage.signature(tmp_path / "missing") == (0, 0, 0)
