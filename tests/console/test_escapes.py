"""Escape sequences are no part of a line, however they arrive."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lava_dispatcher_multinode.console.escapes import (
    MAX_STRING_BYTES,
    EscapeFilter,
    without_escapes,
)

SEQUENCES = [
    pytest.param(b"\x1b]0;root@board: ~\x07", id="OSC with BEL"),
    pytest.param(b"\x1b]3008;start=" + b"0" * 250 + b";cwd=/root\x1b\\", id="OSC with ST"),
    pytest.param(b"\x1bP1$r0m\x1b\\", id="DCS"),
    pytest.param(b"\x1b_Gi=1;\xc3\xa4\x1b\\", id="APC"),
    pytest.param(b"\x1b^private\x1b\\", id="PM"),
    pytest.param(b"\x1bXstring\x1b\\", id="SOS"),
    pytest.param(b"\x1bkboard\x1b\\", id="title of screen"),
    pytest.param(b"\x1b[01;32m", id="colour"),
    pytest.param(b"\x1b[?2004h", id="bracketed paste"),
    pytest.param(b"\x1b[6n", id="cursor position"),
    pytest.param(b"\x1b[2 q", id="cursor style"),
    pytest.param(b"\x1b(B", id="character set"),
    pytest.param(b"\x1b=", id="keypad"),
    pytest.param(b"\x1bc", id="reset"),
]


@pytest.mark.parametrize("sequence", SEQUENCES)
@pytest.mark.parametrize("step", [1, 3, 4096])
def test_a_sequence_is_removed_in_pieces_of_any_size(sequence, step):
    """A slow line delivers it byte by byte."""
    data = b"before" + sequence + b"root@board" + sequence + b":~# " + sequence
    stream = EscapeFilter()
    pieces = (data[start : start + step] for start in range(0, len(data), step))
    assert b"".join(map(stream.feed, pieces)) == b"beforeroot@board:~# "
    assert without_escapes(data) == b"beforeroot@board:~# "


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(b"\x1b]0;garbled\r\nboard login: ", id="line end in a string"),
        pytest.param(b"\x1b]" + b"x" * (MAX_STRING_BYTES + 1) + b"# ", id="endless string"),
        pytest.param(b"\x1b[" + b"1;" * 100 + b"# ", id="endless parameters"),
        pytest.param(b"\x1b\n# ", id="escape before a line end"),
    ],
)
def test_what_is_no_sequence_is_text(text):
    """A garbled byte must not hide the output behind it."""
    stream = EscapeFilter()
    assert stream.feed(text) == text
    assert stream.feed(b"next") == b"next"


_PLAIN = st.binary(max_size=20).map(lambda data: data.replace(b"\x1b", b""))
_ANY = st.sampled_from([sequence.values[0] for sequence in SEQUENCES])


@given(st.lists(st.tuples(_PLAIN, _ANY)), st.integers(1, 9))
def test_all_text_and_nothing_else_remains(parts, step):
    """Text of any bytes between sequences arrives, in its order."""
    data = b"".join(text + sequence for text, sequence in parts)
    stream = EscapeFilter()
    pieces = (data[start : start + step] for start in range(0, len(data), step))
    assert b"".join(map(stream.feed, pieces)) == b"".join(text for text, _ in parts)


@given(st.lists(st.binary(max_size=5000), max_size=8))
def test_a_stream_never_holds_back_more_than_one_sequence(pieces):
    """Memory and delay are limited, whatever a board prints."""
    stream = EscapeFilter()
    shown = b"".join(map(stream.feed, pieces))
    rest = stream.feed(b"\r\n.\r\n.")
    assert rest.endswith(b".\r\n.")
    assert len(rest) <= MAX_STRING_BYTES + 10
    assert len(shown + rest) <= sum(map(len, pieces)) + 6
