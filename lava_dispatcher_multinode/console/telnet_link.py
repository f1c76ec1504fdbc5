"""A transport over telnet: a socket and the protocol of telnet.py."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from ..errors import ConsoleError
from .telnet import NotTelnet, Telnet
from .transcript import printable
from .transport import IN_USE, REFUSAL_TIMEOUT_S, LinkLost, port_taken

if TYPE_CHECKING:
    from .transport import DescriptorTransport

#: For the far end to answer all requests.
NEGOTIATION_TIMEOUT_S = 5.0
LAST_OUTPUT_TIMEOUT_S = 1.0  # of a connection that is being closed


class TelnetLink:
    """A transport whose constructor negotiates the options and the port's speed.

    `baud` requests that speed (RFC 2217); None: plain telnet.
    """

    def __init__(
        self,
        link: DescriptorTransport,
        baud: int | None = None,
        timeout: float = NEGOTIATION_TIMEOUT_S,
    ) -> None:
        self.name = link.name
        self._link = link
        self._telnet = Telnet(baud)
        self._writing = threading.Lock()  # a command must not split an escaped pair
        self._early = b""  # output of the board during the negotiation
        try:
            self._negotiate(min(timeout, NEGOTIATION_TIMEOUT_S))
            if baud is not None:
                self._check_port(baud)
        except ConsoleError:
            link.release()
            raise

    def read(self) -> bytes:
        """Block for at least one byte; b"" after `close`."""
        if self._early:
            early, self._early = self._early, b""
            return early
        while data := self._link.read():
            plain = self._plain(data)
            self._answer()
            if plain:
                return plain
        return b""

    def write(self, data: bytes) -> None:
        """Send all of `data`."""
        with self._writing:
            try:
                self._link.write(self._telnet.escape(data))
            except LinkLost as error:
                raise LinkLost(str(error), self._telnet.unescape(error.unsent)) from error

    def close(self) -> None:
        """End a `read` and a `write` in progress."""
        self._link.close()

    def release(self) -> None:
        """Close the connection."""
        self._link.release()

    def _plain(self, data: bytes) -> bytes:
        try:
            return self._telnet.receive(data)
        except NotTelnet:
            raise ConsoleError(f"{self.name}: {_RAW}") from None

    def _answer(self) -> None:
        if replies := self._telnet.replies():
            with self._writing:
                self._link.write(replies)

    def _negotiate(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        try:
            self._answer()
            while not self._telnet.settled and (left := deadline - time.monotonic()) > 0:
                self._receive_early(left)
            self._await_refusal()
        except LinkLost as error:
            output = self._last_output()
            if IN_USE in output:
                raise port_taken(self.name) from error
            raise LinkLost(f"{error}{output}") from error
        if not self._telnet.answered:
            raise ConsoleError(f"{self.name}: {_RAW}")

    def _receive_early(self, seconds: float) -> None:
        self._early += self._plain(self._link.read(seconds))
        self._answer()

    def _await_refusal(self) -> None:
        """Read until the server cannot refuse the port any more; it does so after the options.

        A refusal ends the connection: `LinkLost`.
        """
        refusal, deadline = IN_USE.encode(), time.monotonic() + REFUSAL_TIMEOUT_S
        while (left := deadline - time.monotonic()) > 0:
            if not self._early.startswith(refusal[: len(self._early)]):
                return
            self._receive_early(left)

    def _last_output(self) -> str:
        """Return the last output of a closing connection, for example "Port already in use"."""
        with suppress(ConsoleError):
            while data := self._link.read(LAST_OUTPUT_TIMEOUT_S):
                self._early += self._plain(data)
        output = printable(self._early[-200:].strip())
        return f"; last output '{output}'" if output else ""

    def _check_port(self, baud: int) -> None:
        if not self._telnet.controls_port:
            raise ConsoleError(
                f"{self.name}: the server does not support RFC 2217: use telnet://, "
                "and set the speed at the server"
            )
        if self._telnet.baud not in {0, baud}:  # 0: unknown
            has = self._telnet.baud or "no answer"
            raise ConsoleError(f"{self.name}: requested {baud} baud, server: {has}")


_RAW = "the server does not speak telnet: use socket:// for a raw port"
