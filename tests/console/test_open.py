"""From a device file's connection to an open console, and the errors on the way."""

from __future__ import annotations

import os
import tty

import pytest

from lava_dispatcher_multinode.console.open import open_console, open_tty
from lava_dispatcher_multinode.errors import ConsoleError
from lava_dispatcher_multinode.lab.device import Connection


def _read(transport, count):
    data = b""
    while len(data) < count:
        data += transport.read()
    return data


def test_a_command_is_a_console(opened):
    """telnet, ssh, conserver: what a command prints comes raw, what is typed reaches it."""
    transport = opened(open_console(Connection(command="printf 'up\\r\\n'; exec cat"), "b1"))
    assert _read(transport, 4) == b"up\r\n"
    transport.write(b"\x03\x04\xff")
    assert _read(transport, 3) == b"\x03\x04\xff"


def test_a_command_that_ends_is_an_error_with_its_text(opened):
    """The error names board and command."""
    transport = opened(open_console(Connection(command="true"), "b1"))
    with pytest.raises(ConsoleError, match="b1: console command 'true': the far end"):
        while transport.read():
            pass


def test_releasing_ends_the_command():
    """No telnet is left behind."""
    transport = open_console(Connection(command="echo $$; exec sleep 1000"), "b1")
    text = b""
    while not text.endswith(b"\n"):
        text += transport.read()
    os.kill(int(text), 0)  # it runs
    transport.close()
    transport.release()
    with pytest.raises(ProcessLookupError):
        os.kill(int(text), 0)


def test_a_serial_device_opens_raw(opened):
    """pyserial sets the port up; every byte passes."""
    master, slave = os.openpty()
    try:
        transport = opened(open_console(Connection(serial=os.ttyname(slave)), "b1"))
        os.write(master, bytes(range(256)))
        assert _read(transport, 256) == bytes(range(256))
        transport.write(bytes(range(256)))
        assert os.read(master, 256) == bytes(range(256))
    finally:
        os.close(master)
        os.close(slave)


def test_a_serial_device_has_one_owner(opened):
    """A second opener is told that somebody else has the port."""
    master, slave = os.openpty()
    try:
        opened(open_console(Connection(serial=os.ttyname(slave)), "b1"))
        with pytest.raises(ConsoleError, match="is another program"):
            open_console(Connection(serial=os.ttyname(slave)), "b1")
    finally:
        os.close(master)
        os.close(slave)


def test_a_missing_serial_device_has_a_hint():
    """The adapter that is not plugged in is the first thing to look at."""
    with pytest.raises(ConsoleError, match="b1: cannot open /dev/no-such: .*plugged in"):
        open_console(Connection(serial="/dev/no-such"), "b1")


def test_no_connection_says_what_to_write():
    """A device file without a console leads to one with."""
    with pytest.raises(ConsoleError, match="b1: no console is configured"):
        open_console(Connection(), "b1")


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
