"""From a device's `connection` to a transport: one function a kind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import termios
import tty
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ConsoleError
from .transport import DescriptorTransport

if TYPE_CHECKING:
    from ..lab.device import Connection
    from .transport import Transport

CONNECT_TIMEOUT = 30.0  # seconds
END_WAIT = 1.0  # seconds that a console command has to end by itself
# A session's first process that opens a terminal gets it as its controlling
# one: the command is then told by a hang-up when the console is closed.
WITH_TERMINAL = 'exec <>"$0" >&0 2>&1; eval "$1"'


def open_console(connection: Connection, device: str) -> Transport:
    """Return the open transport that `connection` of `device` describes."""
    if connection.command is not None:
        return open_command(connection.command, device)
    if connection.serial is not None:
        if connection.serial.startswith("socket://"):
            return open_tcp(connection.serial, device)
        return open_serial(connection.serial, connection.baud, device)
    raise ConsoleError(
        f"{device}: no console is configured: give the device file a 'connection' with "
        "'serial: /dev/ttyUSB0' or 'command: telnet HOST PORT'"
    )


def open_command(command: str, device: str) -> Transport:
    """Run the shell command on a pty of its own; its terminal is the console."""
    master, slave = os.openpty()
    try:
        tty.setraw(slave)  # what the command prints arrives byte for byte
        process = subprocess.Popen(
            ["/bin/sh", "-c", WITH_TERMINAL, os.ttyname(slave), command],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
    except OSError as error:
        os.close(master)
        raise ConsoleError(f"{device}: cannot start '{command}': {error.strerror}") from error
    finally:
        os.close(slave)
    return DescriptorTransport(
        master, f"{device}: console command '{command}'", on_close=lambda: _end(process)
    )


def open_tty(path: Path, device: str) -> Transport:
    """Open a terminal device as it is, made raw: the end of a pty, say."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        tty.setraw(descriptor)
    except (OSError, termios.error) as error:
        raise ConsoleError(f"{device}: cannot open {path}: {error}") from error
    return DescriptorTransport(descriptor, f"{device}: console {path}")


def open_tcp(url: str, device: str) -> Transport:
    """Open `socket://HOST:PORT`; pyserial's own handler reads 0.1 MB/s."""
    host, _, port = url.removeprefix("socket://").rstrip("/").rpartition(":")
    try:
        connection = socket.create_connection((host.strip("[]"), int(port)), CONNECT_TIMEOUT)
    except (OSError, ValueError) as error:
        raise ConsoleError(
            f"{device}: cannot connect to {url}: {error}: is the console server running?"
        ) from error
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return DescriptorTransport(connection.detach(), f"{device}: console {url}")


def open_serial(port: str, baud: int, device: str) -> Transport:
    """Open a serial device or any URL that pyserial knows."""
    import serial

    try:
        # Exclusive: a terminal program left open would steal half of the bytes.
        line = serial.serial_for_url(port, baudrate=baud, timeout=0.2, do_not_open=True)
        if "://" not in port:
            line.exclusive = True
        line.open()
    except (serial.SerialException, ValueError, OSError) as error:
        number = getattr(error, "errno", None)
        reason = os.strerror(number) if isinstance(number, int) else error
        raise ConsoleError(f"{device}: cannot open {port}: {reason}: {_hint(port)}") from error
    name = f"{device}: console {port}"
    descriptor = getattr(line, "fd", None)
    if isinstance(descriptor, int):
        return DescriptorTransport(os.dup(descriptor), name, on_close=line.close)
    from .pyserial_url import PyserialTransport

    return PyserialTransport(line, name)


def _hint(port: str) -> str:
    if "://" in port:
        return "is the console server running?"
    if not Path(port).exists():
        return "is the adapter plugged in? /dev/serial/by-id has names that stay"
    return "is another program (screen, minicom) using it, and are you in its group (dialout)?"


def _end(process: subprocess.Popen[bytes]) -> None:
    """Wait for a command that was told by its terminal's hang-up; end it if it stays."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(subprocess.TimeoutExpired):
            process.wait(END_WAIT)
            return
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
    process.wait()
