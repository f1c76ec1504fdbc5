"""Which connections the loop watches."""

import select
import socket

from lava_dispatcher_multinode.coordinator.connection import READ, WRITE, Connection
from lava_dispatcher_multinode.coordinator.watched import Watched


def test_a_connection_is_watched_for_what_is_wanted():
    """And found by its descriptor as long as it is watched."""
    ours, theirs = socket.socketpair()
    with select.epoll() as poll, ours, theirs:
        watched, connection = Watched(poll), Connection(ours, {})
        number = ours.fileno()
        assert number not in watched.by_number
        watched.watch(connection, READ)
        assert watched.by_number[number] is connection
        assert poll.poll(0) == []
        watched.watch(connection, READ | WRITE)
        assert poll.poll(0) == [(number, WRITE)]
        for _ in range(2):
            watched.watch(connection, 0)
            assert number not in watched.by_number
        theirs.send(b"x")
        assert poll.poll(0) == []
