"""Opens a serial device of this host through pyserial."""

from __future__ import annotations

import os
from pathlib import Path

from ..errors import ConsoleError
from .port_users import InUse, check_unused, lock_terminal, unlock_terminal
from .transport import ConsoleAbsent, DescriptorTransport

HINT = "check the adapter"


def open_serial(port: str, baud: int, device: str) -> DescriptorTransport:
    """Open a device path, or a URL of pyserial for one, such as hwgrep://."""
    import serial

    try:
        line = serial.serial_for_url(port, baudrate=baud, do_not_open=True)
        line.exclusive = True
        check_unused(str(line.port))  # first: opening it changes the speed and the control lines
        line.open()
    except InUse as error:
        raise ConsoleError(f"{device}: cannot open {port}: {error.strerror}") from error
    except (serial.SerialException, ValueError, OSError) as error:
        number = getattr(error, "errno", None)
        reason = os.strerror(number) if isinstance(number, int) else error
        text = f"{device}: cannot open {port}: {reason}: {_hint(port)}"
        if "://" not in port and not Path(port).exists():
            raise ConsoleAbsent(text, name=f"{device}: console {port}") from error
        raise ConsoleError(text) from error
    descriptor = getattr(line, "fd", None)
    if not isinstance(descriptor, int):
        line.close()
        raise ConsoleError(f"{device}: {port} is not a serial device")
    lock_terminal(descriptor)

    def close() -> None:
        unlock_terminal(descriptor)
        line.close()

    return DescriptorTransport(
        os.dup(descriptor), f"{device}: console {port}", hint=HINT, on_close=close
    )


def _hint(port: str) -> str:
    if "://" not in port and not Path(port).exists():
        return "connect the adapter, or use its persistent name in /dev/serial/by-id"
    return "close other programs that use it (screen, minicom), or join its group (dialout)"
