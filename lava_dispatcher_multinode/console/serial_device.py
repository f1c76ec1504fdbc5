"""A serial device of this host, through pyserial."""

from __future__ import annotations

import os
from pathlib import Path

from ..errors import ConsoleError
from .port_users import InUse, check, claim, disclaim
from .transport import DescriptorTransport

HINT = "was the adapter unplugged?"


def open_serial(port: str, baud: int, device: str) -> DescriptorTransport:
    """Open a path, or an URL of pyserial's that leads to one, such as hwgrep://."""
    import serial

    try:
        line = serial.serial_for_url(port, baudrate=baud, do_not_open=True)
        line.exclusive = True
        check(str(line.port))  # first: opening it changes the speed and the control lines
        line.open()
    except InUse as error:
        raise ConsoleError(f"{device}: cannot open {port}: {error.strerror}") from error
    except (serial.SerialException, ValueError, OSError) as error:
        number = getattr(error, "errno", None)
        reason = os.strerror(number) if isinstance(number, int) else error
        raise ConsoleError(f"{device}: cannot open {port}: {reason}: {_hint(port)}") from error
    descriptor = getattr(line, "fd", None)
    if not isinstance(descriptor, int):
        line.close()
        raise ConsoleError(f"{device}: {port} leads to no serial device")
    claim(descriptor)

    def close() -> None:
        disclaim(descriptor)
        line.close()

    return DescriptorTransport(
        os.dup(descriptor), f"{device}: console {port}", hint=HINT, on_close=close
    )


def _hint(port: str) -> str:
    if "://" not in port and not Path(port).exists():
        return "is the adapter plugged in? /dev/serial/by-id has names that stay"
    return "is another program (screen, minicom) using it, and are you in its group (dialout)?"
