"""A pyserial port without a descriptor of its own: `rfc2217://` above all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import ConsoleError

if TYPE_CHECKING:
    from serial import Serial


class PyserialTransport:
    """Reads with the port's one constant time-out.

    Setting `timeout` again on an rfc2217 port would renegotiate the line over
    the network at every read.
    """

    def __init__(self, line: Serial, name: str) -> None:
        self.name = name
        self._line = line
        self._closed = False

    def read(self) -> bytes:
        """Block for at least one byte; b"" after `close`."""
        import serial

        while not self._closed:
            try:
                data: bytes = self._line.read(max(1, self._line.in_waiting))
            except (serial.SerialException, OSError) as error:
                raise ConsoleError(f"{self.name}: the far end is gone ({error})") from error
            if data:
                return data
        return b""

    def write(self, data: bytes) -> None:
        """Send all of `data`."""
        import serial

        try:
            self._line.write(data)
        except (serial.SerialException, OSError) as error:
            raise ConsoleError(f"{self.name}: cannot write: {error}") from error

    def close(self) -> None:
        """End a `read` in progress, within the port's time-out."""
        self._closed = True

    def release(self) -> None:
        """Close the port."""
        self._line.close()
