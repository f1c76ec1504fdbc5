"""Consoles behind the network, against ser2net and socat."""

from __future__ import annotations

import socket
import subprocess

import pytest

from lava_dispatcher_multinode.console.tcp import open_tcp
from lava_dispatcher_multinode.errors import ConsoleError

from ..needs import require

KINDS = [("socket", "tcp"), ("telnet", "telnet,tcp"), ("rfc2217", "telnet(rfc2217),tcp")]


def _open(scheme, port, baud=115200):
    return open_tcp(f"{scheme}://127.0.0.1:{port}", baud, "b1", 10)


@pytest.mark.parametrize(("scheme", "accepter"), KINDS)
def test_ser2net(scheme, accepter, ser2net, pty, opened, exchange):
    """Every byte passes both ways, whatever it means to telnet."""
    exchange(opened(_open(scheme, ser2net(accepter).port)), pty[0])


def test_socat(opened):
    """Raw TCP, against a second program."""
    require("socat")
    with subprocess.Popen(
        ["socat", "-d", "-d", "TCP-LISTEN:0,bind=127.0.0.1", "PIPE"],
        stderr=subprocess.PIPE,
        text=True,
    ) as helper:
        port = next(line for line in helper.stderr if "listening on" in line).rpartition(":")[2]
        transport = opened(_open("socket", int(port)))
        data = bytes(range(256)) * 100
        transport.write(data)
        got = b""
        while len(got) < len(data):
            got += transport.read()
        assert got == data
        helper.terminate()


def test_a_refused_connection_has_a_hint():
    """The console server that is not running is named."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        with pytest.raises(
            ConsoleError, match="b1: cannot connect to .*check that the console server"
        ):
            _open("socket", closed.getsockname()[1])


@pytest.mark.parametrize("url", ["socket://host", "telnet://", "rfc2217://h:port", "socket://h:0"])
def test_a_url_without_host_is_reported(url):
    """A misspelt URL is named with what it should be."""
    with pytest.raises(ConsoleError, match=f"b1: '{url}' is not {url.split(':')[0]}://HOST:PORT"):
        open_tcp(url, 115200, "b1", 1)
