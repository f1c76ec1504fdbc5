"""Serial devices: raw, one owner, hints."""

from __future__ import annotations

import os

import pytest

from lava_dispatcher_multinode.console.serial_device import open_serial
from lava_dispatcher_multinode.errors import ConsoleError


def _read(transport, count):
    data = b""
    while len(data) < count:
        data += transport.read()
    return data


def test_a_serial_device_opens_raw(opened):
    """pyserial sets the port up; every byte passes."""
    master, slave = os.openpty()
    try:
        transport = opened(open_serial(os.ttyname(slave), 115200, "b1"))
        os.write(master, bytes(range(256)))
        assert _read(transport, 256) == bytes(range(256))
        transport.write(bytes(range(256)))
        assert os.read(master, 256) == bytes(range(256))
    finally:
        os.close(master)
        os.close(slave)


def test_a_serial_device_has_one_owner(opened):
    """A second user of the port gets an error with the first one."""
    master, slave = os.openpty()
    try:
        opened(open_serial(os.ttyname(slave), 115200, "b1"))
        with pytest.raises(ConsoleError, match="close other programs"):
            open_serial(os.ttyname(slave), 115200, "b1")
    finally:
        os.close(master)
        os.close(slave)


def test_a_missing_serial_device_has_a_hint():
    """The adapter that is not plugged in is the first thing to look at."""
    with pytest.raises(ConsoleError, match="b1: cannot open /dev/no-such: .*connect the adapter"):
        open_serial("/dev/no-such", 115200, "b1")
