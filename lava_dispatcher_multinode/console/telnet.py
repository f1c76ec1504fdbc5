"""Telnet (RFC 854) with port control (RFC 2217), as far as a console needs it; no I/O.

Every byte passes in both directions, options are answered, and the speed can be set.
"""

from __future__ import annotations

import re
import struct

IAC, DONT, DO, WONT, WILL = 255, 254, 253, 252, 251
BINARY, ECHO, SUPPRESS_GO_AHEAD, COM_PORT = 0, 1, 3, 44
# RFC 2217: requests; the code of a response is the code of its request plus `ANSWER`.
SET_BAUD, SET_DATA_SIZE, SET_PARITY, SET_STOP_SIZE, SET_CONTROL = 1, 2, 3, 4, 5
ANSWER = 100
NO_PARITY, NO_FLOW_CONTROL = 1, 1

MAX_COMMAND_BYTES = 1024  # servers need less than fifty

_COMMAND = re.compile(
    rb"\xff(?:(?P<data>\xff)"
    rb"|(?P<verb>[\xfb-\xfe])(?P<option>.)"
    rb"|\xfa(?P<about>(?:[^\xff]|\xff\xff)*+)\xff\xf0"
    rb"|[^\xfa-\xff]"
    rb"|(?P<unfinished>.*))",
    re.DOTALL,
)


class NotTelnet(ValueError):
    """The far end does not speak telnet."""


class Telnet:
    """The protocol state of one connection; `baud` requests that speed (RFC 2217)."""

    def __init__(self, baud: int | None = None) -> None:
        self.answered = False  # the far end has sent a telnet command
        self.baud: int | None = None  # the speed that the far end has confirmed
        self._wanted_baud = baud
        self._ours = {BINARY, SUPPRESS_GO_AHEAD} | ({COM_PORT} if baud else set())
        self._theirs = {BINARY, SUPPRESS_GO_AHEAD, ECHO}
        # By (ours, option): whether it is on; a missing entry was never negotiated.
        self._on: dict[tuple[bool, int], bool] = {}
        self._asked = {(True, option) for option in self._ours}
        self._asked |= {(False, option) for option in self._theirs - {ECHO}}
        self._unfinished = b""
        self._after_return = False
        self._replies = bytearray()
        for we, option in sorted(self._asked):
            self._replies += bytes([IAC, WILL if we else DO, option])

    @property
    def settled(self) -> bool:
        """True if all requests have been answered."""
        return self._asked <= self._on.keys() and (self.baud is not None or not self.controls_port)

    @property
    def controls_port(self) -> bool:
        """True if the far end allows setting its port, as far as is known."""
        return self._on.get((True, COM_PORT), False)

    def replies(self) -> bytes:
        """Return and clear the bytes that have to be sent now, unescaped."""
        replies = bytes(self._replies)
        self._replies.clear()
        return replies

    def escape(self, data: bytes) -> bytes:
        """Return `data` escaped for sending."""
        data = data.replace(b"\xff", b"\xff\xff")
        return data if self._on.get((True, BINARY)) else data.replace(b"\r", b"\r\0")

    def unescape(self, sent: bytes) -> bytes:
        """Return the data of an escaped rest; half of a pair counts as a whole one."""
        sent = sent if self._on.get((True, BINARY)) else sent.replace(b"\r\0", b"\r")
        return sent.replace(b"\xff\xff", b"\xff")

    def receive(self, data: bytes) -> bytes:
        """Return the board's bytes in `data`, and process the commands. Raises `NotTelnet`."""
        if self._unfinished or b"\xff" in data:
            data = self._unfinished + data
            self._unfinished = b""
            data = _COMMAND.sub(self._process, data)
        if not self._on.get((False, BINARY)) and data:
            data = self._without_nul(data)
        return data

    def _without_nul(self, data: bytes) -> bytes:
        """Remove the NUL after each return, which is there until BINARY is on."""
        begun, self._after_return = self._after_return, data.endswith(b"\r")
        if begun and data.startswith(b"\0"):
            data = data[1:]
        return data.replace(b"\r\0", b"\r")

    def _process(self, command: re.Match[bytes]) -> bytes:
        if command["data"]:
            return b"\xff"
        if command["unfinished"] is not None:
            self._unfinished = command[0]
            if len(command[0]) > MAX_COMMAND_BYTES:
                raise NotTelnet
        elif command["verb"]:
            self._option(command["verb"][0], command["option"][0])
        elif command["about"]:
            self._about(command["about"].replace(b"\xff\xff", b"\xff"))
        return b""

    def _option(self, verb: int, option: int) -> None:
        """Negotiate an option. By RFC 854, a request for the current state has no reply."""
        self.answered = True
        we, wish = verb in {DO, DONT}, verb in {DO, WILL}
        allowed = wish and option in (self._ours if we else self._theirs)
        before = self._on.get((we, option))
        self._on[we, option] = allowed
        if allowed == wish and (before or False) == wish:
            return
        if allowed != wish or before is not None or (we, option) not in self._asked:
            answers = (WONT, WILL) if we else (DONT, DO)
            self._replies += bytes([IAC, answers[allowed], option])
        if (we, option, allowed) == (True, COM_PORT, True):
            self._set_port()

    def _set_port(self) -> None:
        for request, value in (
            (SET_BAUD, struct.pack(">I", self._wanted_baud)),
            (SET_DATA_SIZE, b"\x08"),
            (SET_PARITY, bytes([NO_PARITY])),
            (SET_STOP_SIZE, b"\x01"),
            (SET_CONTROL, bytes([NO_FLOW_CONTROL])),
        ):
            body = bytes([COM_PORT, request]) + value
            self._replies += b"\xff\xfa" + body.replace(b"\xff", b"\xff\xff") + b"\xff\xf0"

    def _about(self, body: bytes) -> None:
        if body[:2] == bytes([COM_PORT, ANSWER + SET_BAUD]) and len(body) == 6:
            self.baud = struct.unpack(">I", body[2:])[0]
