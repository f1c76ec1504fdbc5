"""Copying to a card: progress, free space, read-back."""

from __future__ import annotations

import pytest

from lava_dispatcher_multinode.errors import DeployError
from lava_dispatcher_multinode.images import card_io
from lava_dispatcher_multinode.images.card import write_card
from lava_dispatcher_multinode.images.example_images import BOOT, ROOT


def test_progress_reaches_the_total(panda, tmp_path):
    """Progress grows up to the total."""
    seen = []
    write_card(panda, tmp_path / "card", "master", lambda *place: seen.append(place))
    assert seen == sorted(seen)
    assert seen[-1] == (BOOT.size + ROOT.size + 8_422_912,) * 2  # the last is the boot loader


@pytest.mark.parametrize("layout", ["image", "master"])
def test_a_card_file_leaves_free_space(panda, tmp_path, monkeypatch, layout):
    """Writing a card file stops before its disk is full."""
    monkeypatch.setattr(card_io, "MIN_FREE_BYTES", 1 << 60)
    monkeypatch.setattr(card_io, "UNCHECKED_BYTES", 0)
    with pytest.raises(DeployError, match="MiB are free on the disk of .*card"):
        write_card(panda, tmp_path / "card", layout)


@pytest.mark.parametrize("layout", ["image", "master"])
def test_a_worn_out_card(panda, tmp_path, monkeypatch, layout):
    """A difference anywhere between written and read data is an error."""
    whole = card_io.copy

    def worn(source, card, to, size, report):
        copy = whole(source, card, to, size, report)
        card.seek(to + copy.size - 1)
        last = card.read(1)
        card.seek(to + copy.size - 1)
        card.write(bytes([last[0] ^ 1]))
        return copy

    monkeypatch.setattr(card_io, "copy", worn)
    with pytest.raises(DeployError, match="differs from the written data"):
        write_card(panda, tmp_path / "card", layout)
