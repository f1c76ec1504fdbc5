"""The coordinator's protocol: LAVA's framing, requests and replies; no I/O.

A frame is 8 hexadecimal digits, the length of what follows in bytes, and a JSON
object. Between frames there may be lines of boards (see lines.py), which begin with
`<`. docs/reference/coordinator.md has every field.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, NamedTuple

from .calls import Api, Call, Outcome, Status

if TYPE_CHECKING:
    from collections.abc import Mapping

HEADER = 8
LINE_START = ord("<")
#: Bytes of JSON in a request: 60 kB of data, and all of it escaped as \uXXXX.
MAX_REQUEST = 512 * 1024
#: Bytes of a line: 60 kB of data that all need escapes, and a little more.
MAX_LINE = 300_000
#: Bytes of JSON in a reply.
MAX_REPLY = 256 * 1024 * 1024

APIS = {
    "lava_send": Api.SEND,
    "lava_wait": Api.WAIT,
    "lava_wait_all": Api.WAIT_ALL,
    "lava_sync": Api.SYNC,
}
REQUESTS = {api: request for request, api in APIS.items()}

_to_json = json.JSONEncoder(separators=(",", ":")).encode
_from_json = json.JSONDecoder().decode


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


class Request(NamedTuple):
    """A request, its types checked; what it asks for is not."""

    kind: str
    client: str
    group: str
    role: str
    hostname: str
    secret: str | None
    id: Any  # echoed in the reply
    hold: bool
    present: bool
    group_size: int | None
    poll_delay: float  # seconds
    timeout: float | None  # seconds; of a held group_data
    call: Call | None  # of lava_send, lava_wait, lava_wait_all, lava_sync
    bundle: str | None  # of aggregate
    sub_id: str | None  # of aggregate


def encode(document: Mapping[str, Any]) -> bytes:
    """Return the frame of a request or a reply."""
    body = _to_json(document).encode("ascii")
    return b"%08X%b" % (len(body), body)


class Frames:
    """Cuts a stream of bytes, fed in any pieces, into the bodies of its frames, and lines."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._buffer = bytearray()
        self._start = 0
        self._searched = 0  # no newline before this; a line may come byte by byte

    def feed(self, data: bytes) -> None:
        """Take what has arrived."""
        del self._buffer[: self._start]
        self._searched = max(self._searched - self._start, 0)
        self._start = 0
        self._buffer += data

    @property
    def partial(self) -> bool:
        """Whether bytes are left that `next` has not returned."""
        return len(self._buffer) > self._start

    def next(self) -> bytes | None:
        """Return the next whole body, or None; raise `WireError` if it cannot be one."""
        if self._start == len(self._buffer):
            return None
        if self._buffer[self._start] == LINE_START:
            return self._line()
        body = self._start + HEADER
        header = self._buffer[self._start : body]
        if len(header) < HEADER:
            if not _is_hex(header):
                raise WireError(_not_hex(header))
            return None
        if not _is_hex(header):
            raise WireError(_not_hex(header))
        length = int(header, 16)
        if length > self._limit:
            raise WireError(f"a frame of {length} bytes; at most {self._limit} are allowed")
        if len(self._buffer) < body + length:
            return None
        self._start = body + length
        return bytes(self._buffer[body : self._start])

    def _line(self) -> Line | None:
        start = self._start
        end = self._buffer.find(b"\n", max(start, self._searched))
        if (len(self._buffer) if end < 0 else end) - start > MAX_LINE:
            raise LineError(f"a line of more than {MAX_LINE} bytes")
        if end < 0:
            self._searched = len(self._buffer)
            return None
        self._start = end + 1
        return Line(self._buffer[start:end])


def decode(body: bytes) -> dict[str, Any]:
    """Return the JSON object of a frame."""
    try:
        document = _from_json(body.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise WireError(f"the request is not UTF-8: {error.reason}") from None
    except RecursionError:
        raise WireError("the JSON of the request is nested too deeply") from None
    except ValueError as error:
        raise WireError(f"the request is not JSON: {error}") from None
    if not isinstance(document, dict):
        raise WireError("the request is not a JSON object")
    return document


def read_request(body: bytes) -> Request:
    """Return the request in a frame."""
    document = decode(body)
    tag = document.get("id")
    if isinstance(tag, dict | list) or (isinstance(tag, str) and len(tag) > 100):
        raise WireError("'id' is not a number or a short text")
    try:
        return _request(document, tag)
    except WireError as error:
        raise WireError(str(error), tag) from None


def _request(document: dict[str, Any], tag: Any) -> Request:
    kind = _text(document, "request")
    api = APIS.get(kind)
    hold = _flag(document, "hold")
    group_size = document.get("group_size")
    if group_size is not None and type(group_size) is not int:
        raise WireError("'group_size' is not a whole number")
    # A member of 2013 has a 'timeout' of its own in every request: only who wants to be
    # answered when satisfied leaves the time to us.
    timeout = _seconds(document, "timeout") if hold else None
    delay = _seconds(document, "poll_delay")
    return Request(
        kind=kind,
        client=_text(document, "client_name"),
        group=_text(document, "group_name"),
        role=_text(document, "role", ""),
        hostname=_text(document, "hostname", ""),
        secret=_text_or_none(document, "secret"),
        id=tag,
        hold=hold,
        present=_flag(document, "present"),
        group_size=group_size,
        poll_delay=3.0 if delay is None else min(delay, 60.0),
        timeout=timeout,
        call=None if api is None else _call(api, document, timeout if hold else math.inf),
        bundle=_text_or_none(document, "bundle"),
        sub_id=_text_or_none(document, "sub_id"),
    )


def _call(api: Api, document: dict[str, Any], timeout: float | None) -> Call:
    consume = _flag(document, "next")
    role = _text_or_none(document, "waitrole") if api is Api.WAIT_ALL else None
    data = _data(document.get("message")) if api in {Api.SEND, Api.SYNC} else {}
    return Call(api, _text(document, "messageID"), data, role, consume, timeout)


def _data(message: Any) -> dict[str, str]:
    """LAVA's values come from YAML: numbers and truth values count as their text."""
    if message is None:
        return {}
    if not isinstance(message, dict):
        raise WireError("'message' is not an object")
    data = {}
    for key, value in message.items():
        if isinstance(value, dict | list):
            raise WireError(f"the value of '{key[:80]}' in 'message' is not a text")
        data[key] = value if isinstance(value, str) else "" if value is None else str(value)
    return data


def _text(document: dict[str, Any], key: str, default: str | None = None) -> str:
    value = document.get(key)
    if value is None and default is not None:
        return default
    if value is None:
        raise WireError(f"'{key}' is missing")
    if not isinstance(value, str):
        raise WireError(f"'{key}' is not a text")
    return value


def _text_or_none(document: dict[str, Any], key: str) -> str | None:
    return _text(document, key) if document.get(key) is not None else None


def _flag(document: dict[str, Any], key: str) -> bool:
    value = document.get(key, False)
    if not isinstance(value, bool):
        raise WireError(f"'{key}' is not true or false")
    return value


def _seconds(document: dict[str, Any], key: str) -> float | None:
    value = document.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
        raise WireError(f"'{key}' is not a number of seconds")
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _is_hex(header: bytes | bytearray) -> bool:
    return not header.strip(b"0123456789abcdefABCDEF")


def _not_hex(header: bytes | bytearray) -> str:
    return f"a frame begins with 8 hexadecimal digits, not with {bytes(header)!r}"


def reply(outcome: Outcome, call: Call, *, hold: bool) -> dict[str, Any]:
    """Return the reply to a call; without `hold` exactly as LAVA's members know it."""
    answer: dict[str, Any] = {"response": "ack" if outcome.status is Status.DONE else "nack"}
    if outcome.status is Status.DONE and call.api is not Api.SEND:
        answer["message"] = {sender: dict(data) for sender, data in outcome.data}
        if call.api is Api.SYNC and not hold:
            answer["message"] = call.id
    if hold:
        answer["status"] = outcome.status.value
    if outcome.reason:
        answer["reason"] = outcome.reason
    return answer


def held_request(call: Call) -> dict[str, Any]:
    """Return the part of a held request that says what is asked."""
    fields = {
        "request": REQUESTS[call.api],
        "hold": True,
        "messageID": call.id,
        "message": dict(call.data) or None,
        "waitrole": call.role,
        "next": call.next or None,
        "timeout": call.timeout,
    }
    return {key: value for key, value in fields.items() if value is not None}


def read_outcome(document: Mapping[str, Any]) -> Outcome:
    """Return the outcome in the reply to a held request."""
    message = document.get("message")
    data = tuple(message.items()) if isinstance(message, dict) else ()
    reason = str(document.get("reason", ""))
    try:
        return Outcome(Status(document.get("status", Status.REFUSED)), data, reason)
    except ValueError:
        return Outcome(Status.REFUSED, reason=f"not a reply of a coordinator: {document!r:.200}")
