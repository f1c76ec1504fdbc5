"""A stream of bytes as lines of bounded length, in linear time and flat memory."""

from __future__ import annotations

#: Bytes of a line that are looked at; the rest of a longer one is dropped. Far above
#: what a board's scripts print in one line, far below what would hurt.
LONGEST = 16384


class Lines:
    """Cuts chunks at newlines; carriage returns around a line are dropped."""

    def __init__(self, longest: int = LONGEST) -> None:
        self._longest = longest
        self._pieces: list[bytes] = []
        self._size = 0

    def feed(self, data: bytes) -> list[bytes]:
        """Return the lines that `data` completes."""
        first, *lines = data.split(b"\n")
        self._keep(first)
        if not lines:
            return []
        done = [self.rest()]
        done += [line[: self._longest].strip(b"\r") for line in lines[:-1]]
        self._keep(lines[-1])
        return done

    def rest(self) -> bytes:
        """Return the line that is not complete, and forget it."""
        line = b"".join(self._pieces)
        self._pieces.clear()
        self._size = 0
        return line.strip(b"\r")

    def _keep(self, piece: bytes) -> None:
        piece = piece[: self._longest - self._size]
        if piece:
            self._pieces.append(piece)
            self._size += len(piece)
