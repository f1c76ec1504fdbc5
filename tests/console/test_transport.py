"""Descriptor transports: whole writes, clean ends, no blocking for ever."""

from __future__ import annotations

import os
import socket
import threading
import time

import pytest

from lava_dispatcher_multinode.console import transport as transport_module
from lava_dispatcher_multinode.console.transport import DescriptorTransport, LinkLost
from lava_dispatcher_multinode.errors import ConsoleError


@pytest.fixture
def pair():
    """A transport over one end of a socket pair, and the other end."""
    ours, theirs = socket.socketpair()
    made = DescriptorTransport(ours.detach(), "b1: test")
    yield made, theirs
    made.close()
    made.release()
    theirs.close()


def test_a_large_write_arrives_whole(pair):
    """More than any buffer holds is written bit by bit, nothing dropped."""
    transport, far = pair
    data = os.urandom(3_000_000)
    got = []

    def take():
        while sum(map(len, got)) < len(data):
            got.append(far.recv(65536))

    taker = threading.Thread(target=take)
    taker.start()
    transport.write(data)
    taker.join()
    assert b"".join(got) == data


def test_a_far_end_that_takes_nothing_is_an_error(pair, monkeypatch):
    """Flow control that never opens ends the wait, with a hint."""
    monkeypatch.setattr(transport_module, "WRITE_TIMEOUT_S", 0.1)
    transport, _far = pair
    with pytest.raises(ConsoleError, match="check the flow control"):
        transport.write(b"x" * 10_000_000)


def test_close_ends_a_read(pair):
    """The pump's thread can always be stopped."""
    transport, _far = pair
    threading.Timer(0.05, transport.close).start()
    began = time.monotonic()
    assert transport.read() == b""
    assert time.monotonic() - began < 10


def test_a_closed_far_end_is_an_error(pair):
    """The end of the stream is an error."""
    transport, far = pair
    far.close()
    with pytest.raises(ConsoleError, match="b1: test: the far end closed"):
        transport.read()


def test_writing_to_a_closed_far_end_is_an_error(pair):
    """Writing to a closed far end is an error."""
    transport, far = pair
    far.close()
    with pytest.raises(ConsoleError, match="cannot write"):
        transport.write(b"x" * 100)
        transport.write(b"x" * 100)


def test_release_frees_the_descriptor_once(pair):
    """Ending twice is harmless."""
    transport, far = pair
    transport.release()
    transport.release()
    assert far.recv(1) == b""


def test_close_ends_a_write(pair):
    """A blocked write does not prevent closing."""
    transport, _far = pair
    threading.Timer(0.05, transport.close).start()
    began = time.monotonic()
    with pytest.raises(LinkLost) as caught:
        transport.write(b"x" * 10_000_000)
    assert time.monotonic() - began < 10
    assert 0 < len(caught.value.unsent) < 10_000_000


def test_release_waits_for_a_writer(pair):
    """A descriptor is not freed during a write."""
    transport, far = pair
    errors = []

    def write():
        try:
            transport.write(b"x" * 10_000_000)
        except LinkLost as error:
            errors.append(error)

    writer = threading.Thread(target=write)
    writer.start()
    far.recv(1)
    transport.release()
    assert errors
    writer.join()
    with pytest.raises(LinkLost, match="is closed"):
        transport.write(b"x")


def test_a_read_with_a_timeout_ends(pair):
    """A negotiation does not wait for ever."""
    transport, _far = pair
    assert transport.read(0.01) == b""


def test_many_small_pieces_are_read_at_once(pair, monkeypatch):
    """Pending output is returned in few large reads."""
    transport, far = pair
    data = bytes(range(256)) * 600
    far.sendall(data)
    pieces = []
    while sum(map(len, pieces)) < len(data):
        pieces.append(transport.read())
    assert b"".join(pieces) == data
    assert max(map(len, pieces)) <= transport_module.READ_BYTES
    assert len(pieces) <= 4


def test_an_end_behind_data_is_seen_after_it(pair):
    """What came before the far end went is read first."""
    transport, far = pair
    data = b"y" * 10000
    far.sendall(data)
    far.close()
    got = b""
    with pytest.raises(LinkLost):
        while True:
            got += transport.read()
    assert got == data
