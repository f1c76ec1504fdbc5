"""The coordinator's framing, which is LAVA's; no I/O.

A frame is 8 hexadecimal digits, the length of what follows in bytes, and a JSON
object (see requests.py). Between frames there may be lines of boards (see lines.py),
which begin with `<`.
"""

from __future__ import annotations

import json
import json.scanner
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

HEADER, HEX = 8, b"0123456789abcdefABCDEF"
LINE_START = ord("<")
#: Bytes of JSON in a request: 60 kB of data, and all of it escaped as \uXXXX.
MAX_REQUEST = 512 * 1024
#: Bytes of a line: 60 kB of data that all need escapes, and a little more.
MAX_LINE = 300_000
#: Bytes of JSON in a reply.
MAX_REPLY = 256 * 1024 * 1024

to_json = json.JSONEncoder(separators=(",", ":")).encode
_from_json = json.JSONDecoder().decode
_scan = json.scanner.make_scanner(json.JSONDecoder())  # type: ignore[arg-type]


class WireError(ValueError):
    """Not a frame, or not a request; `str()` is a sentence. `id`: the request's, if it has one."""

    def __init__(self, sentence: str, tag: Any = None) -> None:
        super().__init__(sentence)
        self.id = tag


class LineError(WireError):
    """Not a board's line; it is answered in one."""


class Line(bytes):
    """A board's line, without its newline."""

    __slots__ = ()


def encode(document: Mapping[str, Any]) -> bytes:
    """Return the frame of a request or a reply."""
    return frame(to_json(document).encode("ascii"))


def frame(body: bytes) -> bytes:
    """Return the frame of a body."""
    return b"%08X%b" % (len(body), body)


class Frames:
    """Cuts a stream of bytes, fed in any pieces, into the bodies of its frames, and lines."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._buffer: bytes | bytearray = b""
        self._start = 0
        self.left = 0  # bytes that `next` has not returned
        self._searched = 0  # no newline before this; a line may come byte by byte

    def feed(self, data: bytes) -> None:
        """Take what has arrived."""
        if not self.left:  # as a rule: frames come whole
            self._buffer = data
            self._searched = 0
        else:
            rest = self._buffer
            if isinstance(rest, bytes):
                rest = bytearray(rest)
            del rest[: self._start]
            rest += data
            self._buffer = rest
            self._searched = max(self._searched - self._start, 0)
        self._start = 0
        self.left = len(self._buffer)

    def next(self) -> bytes | None:
        """Return the next whole body, or None; raise `WireError` if it cannot be one."""
        if not self.left:
            return None
        buffer, start = self._buffer, self._start
        if buffer[start] == LINE_START:
            return self._line()
        body = start + HEADER
        header = buffer[start:body]
        if header.strip(HEX):
            raise WireError(
                f"a frame begins with 8 hexadecimal digits, not with {bytes(header)!r}"
            )
        if len(header) < HEADER:
            return None
        length = int(header, 16)
        if length > self._limit:
            raise WireError(f"a frame of {length} bytes; at most {self._limit} are allowed")
        end = body + length
        left = len(buffer) - end
        if left < 0:
            return None
        self._start, self.left = end, left
        return bytes(buffer[body:end])

    def _line(self) -> Line | None:
        start = self._start
        end = self._buffer.find(b"\n", max(start, self._searched))
        if (len(self._buffer) if end < 0 else end) - start > MAX_LINE:
            raise LineError(f"a line of more than {MAX_LINE} bytes")
        if end < 0:
            self._searched = len(self._buffer)
            return None
        self._start = end + 1
        self.left = len(self._buffer) - self._start
        return Line(self._buffer[start:end])


def decode(body: bytes) -> dict[str, Any]:
    """Return the JSON object of a frame."""
    try:
        text = body.decode()
        try:
            document, end = _scan(text, 0)  # half the price of decode()
        except StopIteration:
            end = -1
        if end != len(text):  # white space around, or not JSON
            document = _from_json(text)
    except UnicodeDecodeError as error:
        raise WireError(f"the request is not UTF-8: {error.reason}") from None
    except RecursionError:
        raise WireError("the JSON of the request is nested too deeply") from None
    except ValueError as error:
        raise WireError(f"the request is not JSON: {error}") from None
    if not isinstance(document, dict):
        raise WireError("the request is not a JSON object")
    return document
