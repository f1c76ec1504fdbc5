"""Opens the transport that the `connection` of a device describes."""

from __future__ import annotations

import os
import termios
import tty
from functools import partial
from typing import TYPE_CHECKING

from ..errors import ConsoleError
from .ready import when_ready
from .reconnect import Reconnecting
from .transport import DescriptorTransport

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ..lab.device_sections import ConsoleConnection
    from .transport import Transport


def open_console(
    connection: ConsoleConnection,
    device: str,
    on_note: Callable[[str], None] = lambda _: None,
    *,
    unpowered: bool = False,
    password: str | None = None,
) -> Transport:
    """Return the transport that `connection` of `device` describes.

    `on_note` gets remarks about lost and new links. `unpowered`: see `Reconnecting`. `password`
    is for ssh.
    """
    connect = partial(_connect, connection, device, password)
    return Reconnecting(connect, connection.reconnect_timeout, on_note, unpowered=unpowered)


def _connect(
    connection: ConsoleConnection, device: str, password: str | None, timeout: float
) -> Transport:
    link = _open(connection, device, password, timeout)
    return link if connection.ready is None else when_ready(link, connection.ready)


def _open(
    connection: ConsoleConnection, device: str, password: str | None, timeout: float
) -> Transport:
    if connection.command is not None:
        from .command_transport import open_command

        return open_command(connection.command, device)
    if connection.ssh is not None:
        from .ssh import open_ssh

        return open_ssh(connection.ssh, password, device, timeout)
    if connection.serial is not None:
        from .tcp import SCHEMES, open_tcp

        if connection.serial.partition("://")[0] in SCHEMES:
            return open_tcp(connection.serial, connection.baud, device, timeout)
        from .serial_device import open_serial

        return open_serial(connection.serial, connection.baud, device)
    raise ConsoleError(
        f"{device}: no console is configured: set 'connection' in the device file, with "
        "'serial: /dev/ttyUSB0' or 'command: telnet HOST PORT'"
    )


def open_tty(path: Path, device: str) -> DescriptorTransport:
    """Open a terminal device, for example the end of a pty, and set it to raw mode."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        tty.setraw(descriptor)
    except (OSError, termios.error) as error:
        raise ConsoleError(f"{device}: cannot open {path}: {error}") from error
    return DescriptorTransport(descriptor, f"{device}: console {path}")
