"""LAVA's wire protocol and its extensions: frames, requests and replies; no I/O.

A frame is 8 hexadecimal digits, the length of what follows in bytes, and a JSON object.
Between frames there may be lines of boards (see board_protocol.py), which begin with `<`.
docs/reference/coordinator.md describes every field.
"""

from __future__ import annotations

import json
import math
import sys
from typing import TYPE_CHECKING, Any

import msgspec

from .. import ascii_json
from ..multinode.api import NOTHING, Api, Call, Cause, Outcome, Status, refused
from ..multinode.reasons import sentence
from ..multinode.topics import DONE

if TYPE_CHECKING:
    from collections.abc import Mapping

HEADER_BYTES, HEX_DIGITS = 8, b"0123456789abcdefABCDEF"
LINE_START = ord("<")
#: Bytes of JSON in a request: 60 kB of data, and all of it escaped as \uXXXX.
MAX_REQUEST_BYTES = 512 * 1024
#: Bytes of a line: 60 kB of data that all need escapes, and a little more.
MAX_LINE_BYTES = 300_000
#: Bytes of JSON in a reply.
MAX_REPLY_BYTES = 256 * 1024 * 1024
#: Characters of an `id`, and of the ID of a board's call.
MAX_ID_CHARS, MAX_QUESTION_CHARS = 100, 32
MAX_ID: int = 10**MAX_ID_CHARS
#: Seconds between two polls of a member that does not state its interval; the longest interval.
DEFAULT_POLL_DELAY_S, MAX_POLL_DELAY_S = 3.0, 60.0

APIS = {api.request: api for api in Api}


class ProtocolError(ValueError):
    """Not a frame, or not a request; `str()` is a sentence. `id`: the request's, if it has one."""

    def __init__(self, sentence: str, id_: Any = None) -> None:
        super().__init__(sentence)
        self.id = id_


class BoardLineError(ProtocolError):
    """Not a valid line of a board; the reply is a line, too."""


class BoardLine(bytes):
    """A board's line, without its newline."""

    __slots__ = ()


class FrameReader:
    """Splits a stream of bytes, fed in pieces of any size, into frame bodies and lines."""

    def __init__(self, max_body_bytes: int) -> None:
        self._max_body_bytes = max_body_bytes
        self._buffer: bytes | bytearray = b""
        self._start = 0  # of the next frame or line
        self._searched = 0  # no newline before this; a line may come byte by byte
        self.unread = 0  # bytes that `read_next` has not returned

    def feed(self, data: bytes) -> None:
        """Add bytes that have arrived."""
        if not self.unread:  # as a rule: frames arrive whole
            self._buffer = data
            self._searched = 0
        else:
            if isinstance(self._buffer, bytes):
                self._buffer = bytearray(self._buffer)
            del self._buffer[: self._start]
            self._buffer += data
            self._searched = max(self._searched - self._start, 0)
        self._start = 0
        self.unread = len(self._buffer)

    def read_next(self) -> bytes | None:
        """Return the next body or `BoardLine`, or None if it is incomplete; or `ProtocolError`."""
        if not self.unread:
            return None
        buffer, start = self._buffer, self._start
        if buffer[start] == LINE_START:
            return self._read_line()
        body = start + HEADER_BYTES
        header = buffer[start:body]
        if header.strip(HEX_DIGITS):
            raise ProtocolError(
                f"a frame begins with 8 hexadecimal digits, not with {bytes(header)!r}"
            )
        if len(header) < HEADER_BYTES:
            return None
        length = int(header, 16)
        if length > self._max_body_bytes:
            raise ProtocolError(
                f"a frame of {length} bytes; at most {self._max_body_bytes} are allowed"
            )
        end = body + length
        unread = len(buffer) - end
        if unread < 0:
            return None
        self._start, self.unread = end, unread
        if not unread:
            self._buffer = b""  # an idle connection keeps no input
        return bytes(buffer[body:end])

    def _read_line(self) -> BoardLine | None:
        start = self._start
        end = self._buffer.find(b"\n", max(start, self._searched))
        if (len(self._buffer) if end < 0 else end) - start > MAX_LINE_BYTES:
            raise BoardLineError(f"a line of more than {MAX_LINE_BYTES} bytes")
        if end < 0:
            self._searched = len(self._buffer)
            return None
        self._start = end + 1
        self.unread = len(self._buffer) - self._start
        return BoardLine(self._buffer[start:end])


def encode_frame(document: Mapping[str, Any]) -> bytes:
    """Return the frame of a request or a reply."""
    body = ascii_json.encode(document)
    return b"%08X%b" % (len(body), body)


def decode_object(body: bytes) -> dict[str, Any]:
    """Return the JSON object in the body of a frame; `ProtocolError` if there is none."""
    try:
        document = json.loads(body.decode())
    except UnicodeDecodeError as error:
        raise ProtocolError(f"the request is not UTF-8: {error.reason}") from None
    except RecursionError:
        raise ProtocolError("the JSON of the request is nested too deeply") from None
    except ValueError as error:
        raise ProtocolError(f"the request is not JSON: {error}") from None
    if not isinstance(document, dict):
        raise ProtocolError("the request is not a JSON object")
    return document


class Request(msgspec.Struct, kw_only=True, gc=False):
    """A request, with the types of its fields checked and nothing else."""

    kind: str = msgspec.field(name="request")
    client: str = msgspec.field(name="client_name")
    group: str = msgspec.field(name="group_name")
    role: str | None = None
    hostname: str | None = None
    secret: str | None = None
    hold: bool = False
    present: bool = False
    group_size: int | None = None
    poll_delay: Any = None  # seconds
    timeout: Any = None  # seconds; valid in a held request only
    message_id: str | None = msgspec.field(name="messageID", default=None)
    message: Any = None
    waitrole: str | None = None
    next: bool = False
    question: str | None = None  # the board's ID of its call
    bundle: str | None = None  # of aggregate
    sub_id: str | None = None  # of aggregate
    call: Any = None  # of cancel: the `id` of the held request
    id: Any = None  # echoed in the reply


_decode_request = msgspec.json.Decoder(Request).decode


def parse_request(body: bytes) -> Request:
    """Return the request in the body of a frame; `ProtocolError` if it is none."""
    try:
        request = _decode_request(body)
    except (msgspec.DecodeError, RecursionError):
        # msgspec refuses lone surrogates, which stand for bytes that are not UTF-8.
        request = _convert_request(decode_object(body))
    if not (request.id is request.call is None or (_is_id(request.id) and _is_id(request.call))):
        raise ProtocolError("'id' or 'call' is not a number or a short text")
    if request.question is not None and len(request.question) > MAX_QUESTION_CHARS:
        raise ProtocolError("'question' is not the ID of a board's call", request.id)
    return request


def _convert_request(document: dict[str, Any]) -> Request:
    try:
        return msgspec.convert(document, Request)
    except msgspec.ValidationError as error:
        id_ = document.get("id")
        raise ProtocolError(
            f"the request is not valid: {error}", id_ if _is_id(id_) else None
        ) from None


def parse_call(request: Request) -> Call | None:
    """Return the MultiNode call that `request` makes, or None if it makes none."""
    api = APIS.get(request.kind)
    if api is None:
        return None
    if request.message_id is None:
        raise ProtocolError("'messageID' is missing", request.id)
    data = NOTHING
    if request.message is not None and api.spec.sends:
        data = _parse_data(request)
    takes_role = request.waitrole is not None and "role" in api.spec.parameters
    return Call(
        api,
        request.message_id,
        data,
        role=request.waitrole if takes_role else None,
        next=request.next,
        timeout=held_timeout(request) if request.hold else math.inf,
    )


def held_timeout(request: Request) -> float | None:
    """Return the seconds that a held request may wait; None if it states none.

    A polling member keeps its time itself: LAVA's of 2013 has a `timeout` in every request.
    """
    if request.timeout is None or not request.hold:
        return None
    return _parse_seconds(request, "timeout")


def poll_delay(request: Request) -> float:
    """Return the seconds between two polls of the member."""
    delay = _parse_seconds(request, "poll_delay")
    return DEFAULT_POLL_DELAY_S if delay is None else min(delay, MAX_POLL_DELAY_S)


def _parse_data(request: Request) -> dict[str, str]:
    """LAVA's values come from YAML: a number or a truth value counts as its text."""
    message = request.message
    if not isinstance(message, dict):
        raise ProtocolError("'message' is not an object", request.id)
    data = {}
    for key, value in message.items():
        if isinstance(value, dict | list):
            sentence = f"the value of '{key[:80]}' in 'message' is not a text"
            raise ProtocolError(sentence, request.id)
        data[key] = value if isinstance(value, str) else "" if value is None else str(value)
    return data


def _parse_seconds(request: Request, key: str) -> float | None:
    value = getattr(request, key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
        raise ProtocolError(f"'{key}' is not a number of seconds", request.id)
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _is_id(value: Any) -> bool:
    """Return True if it may be an `id`: short JSON, and not the NaN that Python reads."""
    if isinstance(value, bool):
        return False
    if isinstance(value, int):
        return -MAX_ID < value < MAX_ID
    if isinstance(value, float):
        return math.isfinite(value)
    return value is None or (isinstance(value, str) and len(value) <= MAX_ID_CHARS)


def held_request(call: Call) -> dict[str, Any]:
    """Return the fields of the held request that makes `call`."""
    fields = {
        "request": call.api.request,
        "hold": True,
        "messageID": call.id,
        "message": dict(call.data) or None,
        "waitrole": call.role,
        "next": call.next or None,
        # JSON has no infinity.
        "timeout": None if call.timeout is None else min(call.timeout, sys.float_info.max),
        "question": call.request_id,
    }
    return {key: value for key, value in fields.items() if value is not None}


def reply_to_call(outcome: Outcome, call: Call, *, hold: bool) -> dict[str, Any]:
    """Return the reply to a call; without `hold` it has the fields of LAVA's protocol only."""
    done = outcome.status is DONE.status
    reply: dict[str, Any] = {"response": "ack" if done else "nack"}
    if hold:
        reply["status"] = str(outcome.status)
    if not done:
        if hold:
            reply["cause"] = str(outcome.cause)
        reply["reason"] = sentence(call, outcome)
    elif call.api.spec.counts and not hold:
        reply["message"] = call.id
    elif call.api.spec.waits:
        reply["message"] = {sender: dict(data) for sender, data in outcome.data}
    return reply


def encode_reply(reply: Mapping[str, Any], id_: Any) -> bytes:
    """Return the frame of the reply to the request with this `id`."""
    return encode_frame(reply if id_ is None else {**reply, "id": id_})


def parse_outcome(reply: Mapping[str, Any]) -> Outcome:
    """Return the outcome in the reply to a held request."""
    message = reply.get("message")
    data = tuple(message.items()) if isinstance(message, dict) else ()
    reason = str(reply.get("reason", ""))
    if reply.get("response") == "nack" and "cause" not in reply:
        return refused(reason)  # the request, not the call
    try:
        status = Status(reply["status"])
        cause = Cause(reply.get("cause", Cause.SATISFIED))
    except (KeyError, ValueError):
        return refused(f"not a reply of a coordinator: {reply!r:.200}")
    return Outcome(status, data, cause, {"sentence": reason} if reason else NOTHING)
