"""Clients of a coordinator, on loopback sockets."""

from __future__ import annotations

import json
import queue
import socket
import struct
import threading

import pytest

from lava_dispatcher_multinode.coordinator.client import GroupClient
from lava_dispatcher_multinode.coordinator.protocol import encode_frame
from lava_dispatcher_multinode.coordinator.server import Coordinator
from lava_dispatcher_multinode.multinode.api import Api, Call

GROUP = "group-1"


class Raw:
    """A plain socket that sends frames or arbitrary bytes."""

    def __init__(self, address):
        self.socket = socket.create_connection(address, timeout=20)
        self.file = self.socket.makefile("rb")

    def send(self, data):
        """Send bytes unchanged."""
        self.socket.sendall(data)

    def request(self, kind, name="a", **fields):
        """Send one request."""
        who = {"request": kind, "client_name": name, "group_name": GROUP, "role": "r"}
        document = {key: value for key, value in (who | fields).items() if value is not ...}
        self.send(encode_frame(document))

    def reply(self):
        """Return the next reply, or None at the end of the stream."""
        try:
            header = self.file.read(8)
            return json.loads(self.file.read(int(header, 16))) if header else None
        except ConnectionResetError:
            return None

    def ask(self, kind, name="a", **fields):
        """Send a request and return its reply."""
        self.request(kind, name, **fields)
        return self.reply()

    def reset(self):
        """Close the connection with an RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def close(self):
        """Close the socket, as when a process exits."""
        self.file.close()
        self.socket.close()


class Poller:
    """Polls as LAVA's dispatcher of 2013 does, with one connection per request.

    It sends the length and the document, shuts its side, reads the reply; "wait" means
    to ask again later.
    """

    def __init__(self, address, name, role="r", group=GROUP, hostname="rack1"):
        self.address = address
        self.base = {
            "port": address[1],
            "blocksize": 4096,
            "step": 4,
            "timeout": 1,
            "host": address[0],
            "client_name": name,
            "group_name": group,
            "hostname": hostname,
            "role": role,
        }

    def ask(self, kind, **fields):
        """Return the reply to one request."""
        body = json.dumps(self.base | {"request": kind} | fields).encode()
        with socket.create_connection(self.address, timeout=20) as sock:
            sock.sendall(b"%08X" % len(body))
            sock.sendall(body)
            sock.shutdown(socket.SHUT_WR)
            data = b""
            while piece := sock.recv(4096):
                data += piece
        assert int(data[:8], 16) == len(data) - 8
        return json.loads(data[8:])


class Member(GroupClient):
    """A client whose later outcomes can be awaited."""

    def ask(self, api, message_id, **fields):
        """Submit a call; return a function that waits for its outcome."""
        answers = queue.Queue()
        self.submit(Call(Api(api), message_id, **fields), answers.put)
        return lambda: answers.get(timeout=20)


class Watch:
    """An observer whose events tests can wait for."""

    def __init__(self):
        self.events = []
        self._news = threading.Condition()

    def __call__(self, event, **fields):
        """Record an event."""
        with self._news:
            self.events.append((event, fields))
            self._news.notify_all()

    def until(self, event, **fields):
        """Wait for an event with these fields; return all of its fields."""

        def found():
            return [
                had
                for kind, had in self.events
                if kind == event and all(had.get(key) == value for key, value in fields.items())
            ]

        with self._news:
            assert self._news.wait_for(found, timeout=20), (event, fields, self.events)
            return found()[0]


@pytest.fixture
def watch():
    """Return the observer of the coordinators that `serve` starts."""
    return Watch()


@pytest.fixture
def serve(watch):
    """Return a function that starts a coordinator; all is closed at the end."""
    opened = []

    def start(nodes="ab", **options):
        members = dict.fromkeys(nodes, "r") if isinstance(nodes, str) else nodes
        options = {"group": GROUP, "nodes": members, "timeout": 30, "observer": watch} | options
        coordinator = Coordinator(**options).start()
        opened.append(coordinator)
        return coordinator

    def raw(coordinator):
        opened.append(Raw(coordinator.address))
        return opened[-1]

    def member(coordinator, name, role="r", **options):
        client = Member(coordinator.address, group=GROUP, node=name, role=role, **options)
        opened.append(client)
        return client

    start.raw, start.member, start.poller, start.group = raw, member, Poller, GROUP
    yield start
    for item in reversed(opened):
        item.close()
