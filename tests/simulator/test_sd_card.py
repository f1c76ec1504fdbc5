"""The SD card as firmware and kernel read it."""

import pytest

from lava_dispatcher_multinode.simulator import sd_card


def test_no_card(tmp_path):
    """A missing or empty file is an empty slot."""
    (tmp_path / "empty").touch()
    for name in ("missing", "empty"):
        assert sd_card.partitions(tmp_path / name) == ()
        with pytest.raises(sd_card.NoCard), sd_card.opened(tmp_path / name):
            pass


def test_partitions(card):
    """Partitions are found by number, except the extended one."""
    assert sd_card.partition(card, 3).type == 0x0E
    assert sd_card.partition(card, 4) is None
    assert sd_card.partition(card, 9) is None


def test_garbage(tmp_path):
    """A card full of garbage has no partitions."""
    (tmp_path / "card").write_bytes(b"\xa5" * 100_000)
    assert sd_card.partitions(tmp_path / "card") == ()


def test_ext_names(card):
    """An ext file system has a label; a FAT has no ext names."""
    assert sd_card.ext_names(card, sd_card.partition(card, 5))[0] == "testrootfs"
    assert sd_card.ext_names(card, sd_card.partition(card, 3)) is None


def test_signature_changes_with_the_card(card, tmp_path):
    """Writing a card changes its signature."""
    before = sd_card.signature(card)
    assert sd_card.signature(card) == before
    card.write_bytes(card.read_bytes() + b"\0" * 512)
    assert sd_card.signature(card) != before
    assert sd_card.signature(tmp_path / "missing") == (0, 0, 0)
