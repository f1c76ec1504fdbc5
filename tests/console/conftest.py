"""A console whose board is the test: the other side of a pty."""

from __future__ import annotations

import os
import select
import socket
import subprocess
import time
import tty
from dataclasses import dataclass
from pathlib import Path

import pytest

from lava_dispatcher_multinode.console.board_console import Console
from lava_dispatcher_multinode.console.transcript import Transcript
from lava_dispatcher_multinode.console.transport import DescriptorTransport

from ..needs import require


@dataclass
class Wire:
    """A console, and the board's end of its line."""

    console: Console
    board: int  # file descriptor
    directory: Path

    def print(self, data: bytes) -> None:
        """Have the board print."""
        os.write(self.board, data)

    def typed(self, count: int) -> bytes:
        """Return the next `count` bytes that the dispatcher typed."""
        data = b""
        while len(data) < count:
            data += os.read(self.board, count - len(data))
        return data

    def read_all(self, count: int, timeout: float = 10.0) -> bytes:
        """Read `count` bytes from the console."""
        data, deadline = b"", time.monotonic() + timeout
        while len(data) < count and time.monotonic() < deadline:
            data += self.console.read(1.0)
        return data


@pytest.fixture
def wire(tmp_path):
    """A console on one end of a pty, the test on the other."""
    master, slave = os.openpty()
    tty.setraw(slave)
    started = time.monotonic()
    transcript = Transcript(tmp_path / "node", lambda: time.monotonic() - started)
    console = Console(DescriptorTransport(slave, "board01: console test"), transcript)
    made = Wire(console, master, tmp_path / "node")
    yield made
    console.close()
    if made.board >= 0:
        os.close(made.board)


@pytest.fixture
def pty():
    """A raw pty: the board's end, and the path of the other one."""
    master, slave = os.openpty()
    tty.setraw(slave)
    yield master, os.ttyname(slave)
    os.close(master)
    os.close(slave)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _await_listener(port: int, process: subprocess.Popen[bytes]) -> None:
    """Wait until `process` listens, without a connection that it would count."""
    listening = f":{port:04X} 00000000:0000 0A"
    deadline = time.monotonic() + 20
    while listening not in Path("/proc/net/tcp").read_text():
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.01)


class Server:
    """ser2net on loopback, with a pty for its serial device; can be ended and started."""

    def __init__(self, directory: Path, device: str, accepter: str) -> None:
        self.port = _free_port()
        self._file = directory / "ser2net.yaml"
        self._file.write_text(
            f"connection: &con\n    accepter: {accepter},127.0.0.1,{self.port}\n"
            f"    connector: serialdev,{device},115200n81,local\n"
        )
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it listens."""
        self._process = subprocess.Popen(
            ["ser2net", "-n", "-d", "-u", "-c", str(self._file)], stderr=subprocess.DEVNULL
        )
        _await_listener(self.port, self._process)

    def stop(self) -> None:
        """End it; its connections with it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@pytest.fixture
def ser2net(tmp_path, pty):
    """Return a function from an accepter such as "telnet,tcp" to a running `Server`."""
    require("ser2net")
    servers = []

    def make(accepter):
        servers.append(Server(tmp_path, pty[1], accepter))
        servers[-1].start()
        return servers[-1]

    yield make
    for server in servers:
        server.stop()


@pytest.fixture
def conserver(tmp_path, pty):
    """conserver on loopback with the pty as console b1; its port."""
    require("conserver", "console")
    port, second = _free_port(), _free_port()
    (tmp_path / "cf").write_text(
        f"config * {{ secondaryport {second}; }}\n"
        "default * { rw *; master localhost; }\n"
        f"console b1 {{ type device; device {pty[1]}; baud 115200; parity none;"
        " options !ixon,!ixoff; }\n"
        "access * { trusted 127.0.0.1; }\n"
    )
    (tmp_path / "passwd").write_text("*any*:\n")
    words = ["conserver", "-u", "-M", "127.0.0.1", "-p", str(port), "-b", str(second)]
    words += ["-C", str(tmp_path / "cf"), "-P", str(tmp_path / "passwd")]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            _await_listener(port, server)
            yield port
        finally:
            server.terminate()


@pytest.fixture
def opened():
    """Take transports, to release them at the end."""
    transports = []
    yield lambda transport: transports.append(transport) or transport
    for transport in transports:
        transport.release()


@pytest.fixture
def exchange():
    """Return a function that sends every byte both ways, and fails unless all arrive."""

    def check(transport, board):
        data = bytes(range(256)) + b"\r\n\r\0\r\r\xff\xf0\xff\xff"
        os.write(board, data)
        got = b""
        while len(got) < len(data):
            got += transport.read()
        assert got == data
        transport.write(data)
        got = b""
        while len(got) < len(data):
            assert select.select([board], [], [], 10)[0], got
            got += os.read(board, 4096)
        assert got == data

    return check
