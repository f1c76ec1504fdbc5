"""Flow control towards a board whose UART has none: short pieces, each acknowledged.

    =N TEXT     (without the space) a piece of frames, to the board; N counts 0 to 9
    <LAVA_MN K N>   the piece N has come

One piece is on its way at a time, and is no longer than what the board's UART
holds: so none is lost when the board is late to read it. Pure; times go in. What noise
does to a piece, the frames' own checksums find.
"""

from __future__ import annotations

import re
from collections import deque

_TAKEN = re.compile(rb"<LAVA_MN K ([0-9])>")
#: Time until a piece is sent again.
INITIAL_TIMEOUT_S = 0.5
MIN_TIMEOUT_S = 0.05
MAX_TIMEOUT_S = 5.0
MIN_FIFO_BYTES = 8  # bytes of a UART for which this makes sense


class StopAndWait:
    """Sends bytes in pieces of at most `fifo`, newline and all."""

    def __init__(self, fifo: int) -> None:
        self._size = max(fifo, MIN_FIFO_BYTES) - len(b"\n=N\n")
        self._waiting: deque[bytes] = deque()  # of each frame what was not yet sent
        self._piece = b""  # on its way
        self._number = 0
        self._sent = 0  # times
        self._sent_at = 0.0
        self._round_trip = INITIAL_TIMEOUT_S / 3

    @property
    def idle(self) -> bool:
        """Whether all has come to the board."""
        return not self._piece and not self._waiting

    def feed(self, data: bytes) -> None:
        """Take lines to send; a piece is of one of them, whose end the board knows itself."""
        self._waiting.extend(line for line in data.split(b"\n") if line)

    def receive(self, line: bytes, now: float) -> None:
        """Take a line of the console."""
        for match in _TAKEN.finditer(line):
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
        # The newline in front ends what noise may have left of another.
        again = b"\n" if self._sent > 1 else b""
        return b"%b=%d%b\n" % (again, self._number, self._piece)

    def due(self) -> float | None:
        """Return when `transmit` has something to do, if nothing comes before."""
        if not self._piece:
            return 0.0 if self._waiting else None
        patience = min(
            max(self._round_trip * 3, MIN_TIMEOUT_S) * 1.5 ** (self._sent - 1), MAX_TIMEOUT_S
        )
        return self._sent_at + patience
