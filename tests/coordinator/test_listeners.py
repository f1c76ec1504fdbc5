"""The sockets on which connections are accepted."""

import asyncio
import socket
from contextlib import closing

import pytest

from lava_dispatcher_multinode.coordinator import listeners as module
from lava_dispatcher_multinode.coordinator.listeners import Listeners, open_listener


@pytest.fixture
def loop():
    """Return an asyncio loop."""
    with closing(asyncio.new_event_loop()) as loop:
        yield loop


def test_connections_are_accepted_in_turns(loop, monkeypatch):
    """A flood of connections does not keep the loop from other work."""
    monkeypatch.setattr(module, "MAX_ACCEPTS_IN_A_ROW", 2)
    sock = open_listener("127.0.0.1", 0)
    order = []

    def accept(accepted):
        accepted.close()
        order.append("accepted")
        loop.call_soon(order.append, "other work")
        if order.count("accepted") == 3:
            loop.call_soon(loop.stop)

    with closing(Listeners([sock], loop, accept, lambda: None)) as listeners:
        clients = [socket.create_connection(sock.getsockname()) for _ in range(3)]
        listeners.start()
        loop.run_forever()
    assert order[:3] == ["accepted", "accepted", "other work"]
    for client in clients:
        client.close()


def test_a_shortage_of_descriptors_pauses(loop, monkeypatch):
    """Waiting connections do not wake the loop meanwhile, and are accepted afterwards."""
    monkeypatch.setattr(module, "ACCEPT_PAUSE_S", 0.05)
    failures = [OSError(24, "Too many open files")]
    calls = []

    class Short(socket.socket):
        """A listener whose first accept() fails."""

        def accept(self):
            calls.append("accept")
            if failures:
                raise failures.pop()
            return super().accept()

    def accept(accepted):
        accepted.close()
        loop.stop()

    sock = Short(fileno=open_listener("127.0.0.1", 0).detach())
    listeners = Listeners([sock], loop, accept, lambda: calls.append("shortage"))
    with closing(listeners), socket.create_connection(sock.getsockname()):
        listeners.start()
        loop.run_forever()
    assert calls[:3] == ["accept", "shortage", "accept"]
