"""The sockets by which connections come in."""

import select
import socket
from contextlib import closing

import pytest

from lava_dispatcher_multinode.coordinator import listeners as module
from lava_dispatcher_multinode.coordinator.listeners import Listeners


@pytest.fixture
def listening():
    """Listeners with one socket, its address, its number, and where it is watched."""
    sock = socket.create_server(("127.0.0.1", 0))
    with select.epoll() as poll, closing(Listeners([sock], poll)) as made:
        yield made, sock.getsockname(), sock.fileno(), poll


def test_a_turn_of_those_who_wait(listening, monkeypatch):
    """No more of them at a time; nobody there is no error."""
    listeners, address, number, poll = listening
    monkeypatch.setattr(module, "ACCEPTS", 2)
    clients = [socket.create_connection(address) for _ in range(3)]
    assert poll.poll(20) == [(number, select.EPOLLIN)]
    assert number in listeners
    short = []
    taken = list(listeners.accept(number, short.append))
    assert len(taken) == 2
    taken += listeners.accept(number, short.append)
    assert len(taken) == 3
    assert list(listeners.accept(number, short.append)) == short == []
    for sock in (*clients, *taken):
        sock.close()


def test_a_pause_ends_when_its_time_is_over(listening):
    """Meanwhile nobody is woken by those who wait."""
    listeners, address, number, poll = listening
    listeners.pause(10.0)
    listeners.pause(10.0)
    with socket.create_connection(address):
        assert poll.poll(0) == []
        listeners.resume(10.0)
        assert listeners.again_at == 10.0 + module.NO_DESCRIPTORS
        listeners.resume(listeners.again_at)
        assert listeners.again_at is None
        assert poll.poll(20) == [(number, select.EPOLLIN)]
