"""What is served, and what is not."""

from __future__ import annotations

from lava_dispatcher_multinode.serve.file_table import Shelf


def test_paths_cannot_be_guessed():
    """The same file twice has two paths, of 96 random bits each."""
    shelf = Shelf()
    one, other = shelf.put(b"x", "x"), shelf.put(b"x", "x")
    assert one != other
    assert len(one) == 24 + len("/x")
