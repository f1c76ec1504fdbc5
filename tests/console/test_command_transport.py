"""Consoles that are commands: raw both ways, ended with the console."""

from __future__ import annotations

import os

import pytest

from lava_dispatcher_multinode.console.command_transport import open_command
from lava_dispatcher_multinode.errors import ConsoleError


def _read(transport, count):
    data = b""
    while len(data) < count:
        data += transport.read()
    return data


def test_a_command_is_a_console(opened):
    """telnet, ssh, conserver: what a command prints comes raw, what is typed reaches it."""
    transport = opened(open_command("printf 'up\\r\\n'; exec cat", "b1"))
    assert _read(transport, 4) == b"up\r\n"
    transport.write(b"\x03\x04\xff")
    assert _read(transport, 3) == b"\x03\x04\xff"


def test_a_command_that_ends_is_an_error_with_its_text(opened):
    """The error names board and command."""
    transport = opened(open_command("true", "b1"))
    with pytest.raises(ConsoleError, match="b1: console command 'true': the connection is lost"):
        while transport.read():
            pass


def test_releasing_ends_the_command():
    """No telnet is left behind."""
    transport = open_command("echo $$; exec sleep 1000", "b1")
    text = b""
    while not text.endswith(b"\n"):
        text += transport.read()
    os.kill(int(text), 0)  # it runs
    transport.close()
    transport.release()
    with pytest.raises(ProcessLookupError):
        os.kill(int(text), 0)


def test_conserver(conserver, pty, opened, exchange):
    """conserver's client is a command like any other, and every byte passes it."""
    transport = opened(open_command(f"console -M 127.0.0.1 -p {conserver} -f b1", "b1"))
    said = b""
    while b"help]" not in said:
        said += transport.read()
    transport.write(b"x")  # only a client that is served gets what the board prints
    assert os.read(pty[0], 1) == b"x"
    exchange(transport, pty[0])
