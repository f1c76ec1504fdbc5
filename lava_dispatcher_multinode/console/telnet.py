"""Telnet (RFC 854) and its port control (RFC 2217): bytes in, bytes out, no socket.

What a console needs of it: every byte passes both ways, options are answered,
and the line's speed can be set.
"""

from __future__ import annotations

import re
import struct

IAC, DONT, DO, WONT, WILL, SB, SE = 255, 254, 253, 252, 251, 250, 240
BINARY, ECHO, SUPPRESS_GO_AHEAD, COM_PORT = 0, 1, 3, 44
# RFC 2217: requests of ours; the answer to one has the number of it and a hundred.
SET_BAUD, SET_DATA_SIZE, SET_PARITY, SET_STOP_SIZE, SET_CONTROL = 1, 2, 3, 4, 5
ANSWER = 100
NO_PARITY, NO_FLOW_CONTROL = 1, 1

MAX_COMMAND_BYTES = 1024  # bytes of a command; what a server needs is below fifty

_COMMAND = re.compile(
    rb"\xff(?:(?P<data>\xff)"
    rb"|(?P<verb>[\xfb-\xfe])(?P<option>.)"
    rb"|\xfa(?P<about>(?:[^\xff]|\xff\xff)*+)\xff\xf0"
    rb"|[^\xfa-\xff]"
    rb"|(?P<unfinished>.*))",
    re.DOTALL,
)


class NotTelnet(ValueError):
    """The far end sends what is no telnet."""


class Telnet:
    """The state of one connection; `baud` also controls the port (RFC 2217)."""

    def __init__(self, baud: int | None = None) -> None:
        self.answered = False  # whether the far end has said anything of telnet
        self.baud: int | None = None  # what the far end says that it has set
        self._wanted_baud = baud
        self._ours = {BINARY, SUPPRESS_GO_AHEAD} | ({COM_PORT} if baud else set())
        self._theirs = {BINARY, SUPPRESS_GO_AHEAD, ECHO}
        # By (we, option): whether it is on; what is not in it was never settled.
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
        """Whether all that was asked has been answered."""
        return self._asked <= self._on.keys() and (self.baud is not None or not self.controls_port)

    @property
    def controls_port(self) -> bool:
        """Whether the far end lets its port be set, as far as is known."""
        return self._on.get((True, COM_PORT), False)

    def replies(self) -> bytes:
        """Return what has to be sent now, as it is."""
        replies = bytes(self._replies)
        self._replies.clear()
        return replies

    def escape(self, data: bytes) -> bytes:
        """Return `data` as it is sent."""
        data = data.replace(b"\xff", b"\xff\xff")
        return data if self._on.get((True, BINARY)) else data.replace(b"\r", b"\r\0")

    def unescape(self, sent: bytes) -> bytes:
        """Return what the end of an `escape` stands for; half of a pair is sent again."""
        sent = sent if self._on.get((True, BINARY)) else sent.replace(b"\r\0", b"\r")
        return sent.replace(b"\xff\xff", b"\xff")

    def receive(self, data: bytes) -> bytes:
        """Return the board's bytes in `data`; the rest is obeyed. `NotTelnet`."""
        if self._unfinished or b"\xff" in data:
            data = self._unfinished + data
            self._unfinished = b""
            data = _COMMAND.sub(self._obey, data)
        if not self._on.get((False, BINARY)) and data:
            data = self._without_nul(data)
        return data

    def _without_nul(self, data: bytes) -> bytes:
        """Take the NUL off each return: until BINARY is on, a bare one has it."""
        begun, self._after_return = self._after_return, data.endswith(b"\r")
        if begun and data.startswith(b"\0"):
            data = data[1:]
        return data.replace(b"\r\0", b"\r")

    def _obey(self, command: re.Match[bytes]) -> bytes:
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
        """Settle an option; RFC 854: what is so already is not acknowledged."""
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
