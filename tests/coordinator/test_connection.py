"""One accepted socket."""

import contextlib
import socket
import struct

import pytest

from lava_dispatcher_multinode.coordinator import connection as module
from lava_dispatcher_multinode.coordinator.connection import Connection
from lava_dispatcher_multinode.coordinator.protocol import encode_frame


@pytest.fixture
def pair():
    """A connection and the client's socket."""
    near, far = socket.socketpair()
    far.settimeout(20)
    changed = []
    with contextlib.closing(near), contextlib.closing(far):
        yield Connection(near, changed.append), far, changed


def test_replies_leave_when_flushed(pair):
    """Replies leave in order, and the loop is notified of pending output."""
    connection, far, changed = pair
    connection.write(encode_frame({"a": 1}))
    connection.write(encode_frame({"b": 2}))
    assert changed
    assert connection.has_unsent
    assert connection.wants_input
    assert connection.flush()
    assert far.recv(100) == encode_frame({"a": 1}) + encode_frame({"b": 2})
    assert not connection.has_unsent
    assert not connection.flush()


def test_input_reaches_the_frames(pair):
    """Input and its end are detected."""
    connection, far, _ = pair
    connection.receive()  # nothing there: no harm
    far.sendall(encode_frame({"a": 1}))
    connection.receive()
    assert connection.frames.read_next() == b'{"a":1}'
    far.shutdown(socket.SHUT_WR)
    connection.receive()
    assert connection.ended
    assert not connection.wants_input


def test_a_client_that_does_not_read_is_not_read(pair, monkeypatch):
    """A client that does not read its replies is not read, which limits memory."""
    monkeypatch.setattr(module, "HIGH_WATER_BYTES", 100)
    connection, _, _ = pair
    connection.write(encode_frame({"a": "x" * 100}))
    assert not connection.wants_input


def test_output_is_bounded(pair, monkeypatch):
    """Pending output is limited; a single long reply is allowed."""
    monkeypatch.setattr(module, "MAX_UNSENT_BYTES", 1000)
    connection, _, changed = pair
    connection.write(encode_frame({"a": "x" * 2000}))
    assert not connection.closed
    changed.clear()
    connection.write(encode_frame({"a": "x"}))
    assert connection.closed
    assert changed  # notify the loop: without this, the next event may be a minute away


def test_a_big_reply_leaves_in_pieces(pair):
    """A slow client receives a large reply completely."""
    connection, far, _ = pair
    document = {"a": "x" * 5_000_000}
    connection.write(encode_frame(document))
    got = bytearray()
    far.setblocking(False)
    while connection.has_unsent:
        connection.flush()
        with contextlib.suppress(BlockingIOError):
            got += far.recv(1_000_000)
    with contextlib.suppress(BlockingIOError):
        while data := far.recv(1_000_000):
            got += data
    assert bytes(got) == encode_frame(document)


def test_hanging_up_waits_for_what_was_sent(pair):
    """Output is sent, then the connection is shut down and later input discarded."""
    connection, far, _ = pair
    connection.write(encode_frame({"a": 1}))
    connection.hang_up()
    connection.write(encode_frame({"too": "late"}))
    connection.flush()
    assert connection.lingering
    assert far.recv(100) == encode_frame({"a": 1})
    assert far.recv(100) == b""
    far.sendall(b"what?")
    connection.receive()
    assert not connection.frames.unread


def test_a_reset_closes():
    """A reset while reading or writing raises no exception."""
    for act in (Connection.receive, Connection.flush):
        with socket.create_server(("127.0.0.1", 0)) as server:
            far = socket.create_connection(server.getsockname())
            near, _ = server.accept()
            with near:
                connection = Connection(near, lambda _: None)
                connection.write(encode_frame({"a": 1}))
                far.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                far.close()
                act(connection)
                act(connection)
                assert connection.closed
