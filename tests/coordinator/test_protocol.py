"""Framing, requests and replies."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lava_dispatcher_multinode.coordinator import protocol, requests

WHO = {"client_name": "a", "group_name": "g", "role": "r", "hostname": "h"}
TEXT = st.text(st.characters(exclude_characters="\n\0"), max_size=20)
DATA = st.dictionaries(st.from_regex(r"[A-Za-z0-9_.-]{1,8}", fullmatch=True), TEXT, max_size=4)


def read(**fields):
    """Return the request of a good member with these fields."""
    return requests.Reader().read(protocol.encode(WHO | fields)[protocol.HEADER :])


@given(st.lists(DATA, max_size=5), st.lists(st.integers(0, 1000), max_size=20))
def test_any_split_gives_the_same_frames(documents, cuts):
    """Byte by byte, all at once, or anything between."""
    stream = b"".join(map(protocol.encode, documents))
    for ends in (range(len(stream)), [], sorted(cuts)):
        frames, found = protocol.Frames(10_000), []
        for start, end in zip([0, *ends], [*ends, len(stream)], strict=True):
            frames.feed(stream[start:end])
            while (body := frames.next()) is not None:
                found.append(json.loads(body))
        assert found == documents
        assert not frames.left


def test_the_length_is_of_bytes_in_eight_digits():
    """LAVA's framing; its own clients write upper case, others may not."""
    assert protocol.encode({"a": "ü"}) == b'0000000E{"a":"\\u00fc"}'
    frames = protocol.Frames(100)
    frames.feed('0000000a{"a":"ü"}'.encode())
    assert frames.next() == '{"a":"ü"}'.encode()
    assert frames.left == 0


@pytest.mark.parametrize("start", [b"GET / HT", b"\xff", b"-0000001", b"0x000010", b" 0000010"])
def test_what_is_no_header_is_refused_as_soon_as_that_is_clear(start):
    """Nobody has to wait for the rest of a frame that cannot be one."""
    frames = protocol.Frames(100)
    frames.feed(start)
    with pytest.raises(protocol.WireError, match="hexadecimal"):
        frames.next()


def test_a_length_beyond_the_bound_is_refused_before_it_arrives():
    """So nobody can make us keep four gigabytes."""
    frames = protocol.Frames(100)
    frames.feed(b"00000065")
    with pytest.raises(protocol.WireError, match="at most 100"):
        frames.next()


@given(st.binary(max_size=200))
def test_no_bytes_do_anything_but_wire_errors(data):
    """Whatever comes: frames, or a sentence."""
    frames = protocol.Frames(64)
    frames.feed(data)
    with contextlib.suppress(protocol.WireError):
        while (body := frames.next()) is not None:
            requests.Reader().read(body)
