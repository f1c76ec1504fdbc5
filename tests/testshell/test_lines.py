"""Lines of bounded length out of any chunks."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from lava_dispatcher_multinode.testshell.lines import Lines


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=10))
def test_any_chunks_give_the_same_lines(data, cuts):
    """How the bytes are cut into chunks makes no difference."""
    lines = Lines(longest=20)
    bounds = [0, *sorted(cut for cut in cuts if cut <= len(data)), len(data)]
    got = [x for a, b in pairwise(bounds) for x in lines.feed(data[a:b])]
    *whole, rest = [line[:20].strip(b"\r") for line in data.split(b"\n")]
    assert got == whole
    assert lines.rest() == rest


def test_a_line_without_end_is_not_kept():
    """Memory stays flat however long a line becomes."""
    lines = Lines(longest=100)
    for _ in range(1000):
        assert lines.feed(b"x" * 1000) == []
    assert lines.feed(b"\nnext\n") == [b"x" * 100, b"next"]
