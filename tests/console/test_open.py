"""From a device file's connection to an open console."""

from __future__ import annotations

import os
import socket
import tty
from dataclasses import replace

import pytest

from lava_dispatcher_multinode.console.open import open_console, open_tty
from lava_dispatcher_multinode.console.reconnect import Reconnecting
from lava_dispatcher_multinode.errors import ConsoleError
from lava_dispatcher_multinode.lab.device_sections import ConsoleConnection


def test_a_missing_connection_has_a_hint():
    """A device file without a console leads to one with."""
    with pytest.raises(ConsoleError, match="b1: no console is configured"):
        open_console(ConsoleConnection(), "b1")


def test_a_tty_path_opens_raw(opened, tmp_path):
    """The end of a pty is opened as it is; something else is refused."""
    master, slave = os.openpty()
    tty.setraw(slave)
    try:
        transport = opened(open_tty(os.ttyname(slave), "b1"))
        transport.write(b"\r")
        assert os.read(master, 1) == b"\r"
    finally:
        os.close(master)
        os.close(slave)
    with pytest.raises(ConsoleError, match="cannot open"):
        open_tty(tmp_path / "nothing", "b1")


@pytest.mark.parametrize(
    ("connection", "text"),
    [
        (ConsoleConnection(command="echo up; exec cat"), b"up"),
        (ConsoleConnection(serial="{pty}"), b"up"),
        (ConsoleConnection(serial="socket://127.0.0.1:{port}"), b"up"),
    ],
)
def test_each_kind_is_opened(connection, text, pty, opened):
    """The device file's connection leads to the transport that it names."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        serial = connection.serial and connection.serial.format(
            pty=pty[1], port=server.getsockname()[1]
        )
        transport = opened(open_console(replace(connection, serial=serial), "b1"))
        peer = None
        if serial and "://" in serial:
            peer, _ = server.accept()
            peer.sendall(b"up")
        elif serial:
            os.write(pty[0], b"up")
        assert transport.read().strip() == text
        assert isinstance(transport, Reconnecting)
        if peer:
            peer.close()
