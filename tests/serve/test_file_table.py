"""The table of published files."""

from __future__ import annotations

from lava_dispatcher_multinode.serve.file_table import FileTable


def test_paths_cannot_be_guessed():
    """Publishing a file twice gives two paths of 96 random bits each."""
    files = FileTable()
    one, other = files.publish(b"x", "x"), files.publish(b"x", "x")
    assert one != other
    assert len(one) == 24 + len("/x")
