"""Telnet without a socket: all bytes pass, options are answered once, nothing grows."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lava_dispatcher_multinode.console.telnet import MAX_COMMAND_BYTES, NotTelnet, Telnet

HELLO = b"\xff\xfd\x00\xff\xfd\x03\xff\xfb\x00\xff\xfb\x03"  # DO, WILL: BINARY, SUPPRESS-GO-AHEAD
AGREED = b"\xff\xfb\x00\xff\xfb\x03\xff\xfd\x00\xff\xfd\x03"

pieces = st.lists(
    st.one_of(
        st.binary(max_size=6), st.sampled_from([b"\xff", b"\r", b"\0", b"\xff\xf0", b"\r\n"])
    ),
    max_size=20,
)


def _cut(data, places):
    places = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[a:b] for a, b in pairwise(places)]


@pytest.mark.parametrize("binary", [True, False])
@given(pieces, st.lists(st.integers(0, 1000), max_size=8))
def test_every_byte_passes(binary, given_pieces, places):
    """What one end escapes the other has again, in any pieces, with and without BINARY."""
    ours, theirs = Telnet(), Telnet()
    if binary:
        ours.receive(theirs.replies())
        theirs.receive(ours.replies())
        assert ours.settled
        assert theirs.settled
    data = b"".join(given_pieces)
    sent = ours.escape(data)
    assert b"".join(theirs.receive(piece) for piece in _cut(sent, places)) == data
    assert ours.unescape(sent) == data


@given(st.binary(max_size=300), st.lists(st.integers(0, 1000), max_size=8))
def test_pieces_make_no_difference(data, places):
    """Whatever a far end sends, one byte at a time or at once, is understood alike."""
    whole, cut = Telnet(115200), Telnet(115200)
    plain = whole.receive(data)
    assert b"".join(cut.receive(piece) for piece in _cut(data, places)) == plain
    assert cut.replies() == whole.replies()


def test_options_are_asked_for_and_settled():
    """Binary both ways is asked for, and an answer is not answered again."""
    telnet = Telnet()
    assert telnet.replies() == HELLO
    assert not telnet.settled
    assert telnet.receive(AGREED) == b""
    assert telnet.settled
    assert telnet.replies() == b""
    telnet.receive(AGREED)
    assert telnet.replies() == b""


def test_unknown_options_are_refused():
    """Options for window size and terminal type are refused, and ECHO is accepted."""
    telnet = Telnet()
    telnet.replies()
    telnet.receive(b"\xff\xfd\x18\xff\xfb\x22\xff\xfb\x01\xff\xfd\x2c")
    assert telnet.replies() == b"\xff\xfc\x18\xff\xfe\x22\xff\xfd\x01\xff\xfc\x2c"


def test_an_option_taken_back_is_acknowledged():
    """BINARY that a server ends is ended: returns get their NUL again."""
    telnet = Telnet()
    telnet.receive(AGREED)
    telnet.replies()
    assert telnet.escape(b"\r") == b"\r"
    telnet.receive(b"\xff\xfe\x00")
    assert telnet.replies() == b"\xff\xfc\x00"
    assert telnet.escape(b"\r") == b"\r\0"


def test_refused_binary_settles():
    """A server without BINARY is usable."""
    telnet = Telnet()
    telnet.replies()
    telnet.receive(b"\xff\xfc\x00\xff\xfe\x00\xff\xfc\x03\xff\xfe\x03")
    assert telnet.settled
    assert telnet.replies() == b""


def test_the_port_is_set_when_the_server_lets_us():
    """Speed, eight bits, no parity, one stop bit, no flow control; 255 is doubled."""
    telnet = Telnet(0x1FF)
    telnet.replies()
    telnet.receive(AGREED + b"\xff\xfd\x2c")
    assert telnet.controls_port
    assert telnet.replies() == (
        b"\xff\xfa\x2c\x01\x00\x00\x01\xff\xff\xff\xf0\xff\xfa\x2c\x02\x08\xff\xf0"
        b"\xff\xfa\x2c\x03\x01\xff\xf0\xff\xfa\x2c\x04\x01\xff\xf0\xff\xfa\x2c\x05\x01\xff\xf0"
    )
    assert not telnet.settled
    assert telnet.receive(b"a\xff\xfa\x2c\x65\x00\x00\x01\xff\xff\xff\xf0b") == b"ab"
    assert (telnet.settled, telnet.baud) == (True, 0x1FF)


def test_a_server_without_telnet_is_reported():
    """A command without end costs no memory."""
    telnet = Telnet()
    with pytest.raises(NotTelnet):
        for _ in range(MAX_COMMAND_BYTES):
            telnet.receive(b"\xff\xfaxx")
