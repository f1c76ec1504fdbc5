"""Lines, and parts of long ones, out of any chunks."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lava_dispatcher_multinode.testshell.lines import LineSplitter

from .conftest import chunks

SIGNALS = [b"<LAVA_SIGNAL_A b>~~", b"<LAVA_MULTI_NODE> <LAVA_SEND go k=v>"]
TEXT = st.one_of(
    st.sampled_from([*SIGNALS, b"<LAVA", b">", b"\r", b"\n", b"\r\n"]),
    st.integers(0, 300).map(lambda count: count * b"."),
)
CUTS = st.lists(st.integers(0, 3000), max_size=10)


@given(st.lists(TEXT, max_size=40).map(b"".join), CUTS)
def test_any_chunks_give_the_same_lines(data, cuts):
    """How the bytes are cut into chunks makes no difference; nothing is lost, nothing twice."""
    lines = LineSplitter(max_signal=40)
    got, parts = [b""], []
    for chunk in chunks(data, cuts):
        batch = lines.feed(chunk)
        for number, line in enumerate(batch.lines):
            parts.append(line)
            got[-1] += line
            if batch.ends or number < len(batch.lines) - 1:
                got.append(b"")
    parts.append(lines.rest())
    got[-1] += parts[-1]
    assert got == [line.strip(b"\r") for line in data.split(b"\n")]
    for signal in SIGNALS:
        assert sum(part.count(signal) for part in parts) == data.count(signal), "none is cut"


def test_a_line_without_end_is_not_kept():
    """Memory is constant for a line of any length."""
    lines = LineSplitter(max_signal=100)
    size = 0
    for _ in range(1000):
        batch = lines.feed(b"x" * 130)
        size += sum(map(len, batch.lines))
        assert batch.ends == (not batch.lines)
        assert lines._size < 400
    assert size > 129_000
    rest, following = lines.feed(b"\nnext\n").lines
    assert (size + len(rest), following) == (130_000, b"next")


def test_what_only_begins_like_a_signal_is_not_kept_either():
    """A signal is no longer than it may be."""
    lines = LineSplitter(max_signal=100)
    for _ in range(1000):
        lines.feed(b"<LAVA_SIGNAL_X " + b"x" * 130)
        assert lines._size < 400
    lines.feed(b"\n")
    for _ in range(1000):
        lines.feed(b"x" * 130 + b"<LAVA_SIGNAL_X ")
        assert lines._size < 400


def test_time_is_linear():
    """A long line is not searched again from its beginning with each chunk."""
    lines = LineSplitter(max_signal=100)
    copied = 0
    for _ in range(2000):
        before = lines._size
        (*_,) = lines.feed(b"<LAVA_").lines
        copied += lines._size if lines._size < before else 0
    assert copied < 2000 * 6 * 2


def test_carriage_returns_in_a_line_stay():
    """They end no line: LAVA's search sees them, too."""
    assert LineSplitter().feed(b"\r1 %\r2 %\rdone\r\r\n").lines == [b"1 %\r2 %\rdone"]
