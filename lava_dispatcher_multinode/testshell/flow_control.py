"""Stop-and-wait flow control for a board whose UART has none: short, acknowledged pieces.

    =N TEXT         (without the space) a piece of a frame, to the board; N counts 0 to 9
    <LAVA_MN K N>   acknowledgement of piece N

One piece is in flight at a time, and fits into the board's UART: a board that reads late
loses nothing. Pure: times go in. Damaged pieces are detected by the checksums of the frames.
"""

from __future__ import annotations

import re
from collections import deque

_PIECE_ACK = re.compile(rb"<LAVA_MN K ([0-9])>")
#: Time until a piece is sent again.
INITIAL_TIMEOUT_S = 0.5
MIN_TIMEOUT_S = 0.05
MAX_TIMEOUT_S = 5.0
MIN_FIFO_BYTES = 8


class StopAndWait:
    """Sends lines in pieces of at most `fifo` bytes, newlines included."""

    def __init__(self, fifo: int) -> None:
        self._size = max(fifo, MIN_FIFO_BYTES) - len(b"\n=N\n")
        self._waiting: deque[bytes] = deque()  # the unsent rest of each line
        self._piece = b""  # in flight
        self._number = 0
        self._sent = 0  # transmissions of the piece
        self._sent_at = 0.0
        self._round_trip = INITIAL_TIMEOUT_S / 3

    @property
    def idle(self) -> bool:
        """True if the board has acknowledged everything."""
        return not self._piece and not self._waiting

    def send(self, data: bytes) -> None:
        """Queue lines. A piece never spans two lines: the board recognises the end of a frame."""
        self._waiting.extend(line for line in data.split(b"\n") if line)

    def receive(self, line: bytes, now: float) -> None:
        """Parse a console line for acknowledgements."""
        for match in _PIECE_ACK.finditer(line):
            if self._piece and int(match[1]) == self._number:
                if self._sent == 1:
                    self._round_trip += (now - self._sent_at - self._round_trip) / 4
                self._piece = b""
                self._number = (self._number + 1) % 10

    def transmit(self, now: float) -> bytes:
        """Return the bytes to write now."""
        due = self.due()
        if due is None or due > now:
            return b""
        if not self._piece:
            line = self._waiting.popleft()
            self._piece, rest = line[: self._size], line[self._size :]
            if rest:
                self._waiting.appendleft(rest)
            self._sent = 0
        self._sent += 1
        self._sent_at = now
        # The leading newline ends the remains of a damaged line.
        again = b"\n" if self._sent > 1 else b""
        return b"%b=%d%b\n" % (again, self._number, self._piece)

    def due(self) -> float | None:
        """Return the time of the next transmission, or None."""
        if not self._piece:
            return 0.0 if self._waiting else None
        timeout = min(
            max(self._round_trip * 3, MIN_TIMEOUT_S) * 1.5 ** (self._sent - 1), MAX_TIMEOUT_S
        )
        return self._sent_at + timeout
