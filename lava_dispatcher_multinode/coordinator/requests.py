"""Requests of LAVA's protocol, and what goes beyond it; no I/O.

docs/reference/coordinator.md has every field.
"""

from __future__ import annotations

import math
import re
from typing import Any, NamedTuple

from ..multinode.api import NOTHING, Api, Call
from .protocol import WireError, decode

APIS = {api.request: api for api in Api}

#: Characters of an `id`.
MAX_TAG = 100
#: Bytes of a request whose head a connection remembers.
MAX_REMEMBERED = 2048
#: Characters in the ID of a board's question.
LONGEST = 32

#: What differs from request to request comes last, if the sender is a friend, and looks like
#: this: the ID after its key, the board's question and the `id`.
_ID = b'"messageID":"'
_END = re.compile(
    rb'([A-Za-z0-9_.-]+)"(?:,"question":"([A-Za-z0-9_.-]{1,%d})")?(?:,"id":(0|[1-9][0-9]{0,14}))?}'
    % LONGEST
)


class Head(NamedTuple):
    """What a member says of itself and of what it wants; its types checked, no more.

    As a rule all requests of a connection have the same.
    """

    kind: str
    client: str
    group: str
    role: str
    hostname: str
    secret: str | None
    hold: bool
    present: bool
    group_size: int | None
    poll_delay: float  # seconds
    timeout: float | None  # seconds; of a held request
    api: Api | None  # of the requests that are calls
    next: bool
    waitrole: str | None
    bundle: str | None  # of aggregate
    sub_id: str | None  # of aggregate
    call: Any  # of cancel: the `id` of the held request


class Request(NamedTuple):
    """A request."""

    head: Head
    id: Any  # echoed in the reply
    call: Call | None  # without the question, by which boards' calls would all differ
    question: str | None  # what the board calls it


class LastCall:
    """The last call that was read: those that many make in a row, as in a barrier, are one.

    But for those with data: equal data may be in another order, in which it is to arrive.
    """

    __slots__ = ("call",)

    def __init__(self) -> None:
        self.call: Call | None = None

    def make(self, *fields: Any) -> Call:
        """Return the call with these fields."""
        call = self.call
        if call is None or call.data or call != fields:
            call = self.call = Call(*fields)
        return call


class Reader:
    """Reads the requests of one connection; `last` is shared with others.

    As a rule a request is the one before with another end. Then it is not read as JSON: one
    look finds that it begins in the same way, another what the end says.
    """

    __slots__ = ("_head", "_last", "_said", "_start")

    def __init__(self, last: LastCall | None = None) -> None:
        self._said: dict[str, Any] | None = None
        self._head: Head | None = None
        self._start: bytes | None = None  # that says the same as `_said`; empty: there is none
        self._last = last or LastCall()

    def read(self, body: bytes) -> Request:
        """Return the request in a frame; where the head is the last one's, the same object."""
        start, head = self._start, self._head
        if head is not None and start and body.startswith(start):
            end = _END.fullmatch(body, len(start))
            if end is not None:
                message_id, question, tag = end.groups()
                call = self._call(head, message_id.decode(), None)
                question = None if question is None else question.decode()
                return Request(head, None if tag is None else int(tag), call, question)
        return self._read(body)

    def _read(self, body: bytes) -> Request:
        document = decode(body)
        tag = document.pop("id", None)
        if not _is_tag(tag):
            raise WireError("'id' is not a number or a short text")
        try:
            message_id = document.pop("messageID", None)
            message = document.pop("message", None)
            question = document.pop("question", None)
            if not (question is None or (isinstance(question, str) and len(question) <= LONGEST)):
                raise WireError("'question' is not the ID of a board's question")
            head = self._head
            # Here 1 is as good as true, and is not worth a closer look.
            if head is None or document != self._said:
                head = _head(document)
                if len(body) <= MAX_REMEMBERED:
                    self._head, self._said, self._start = head, document, None
            elif self._start is None:  # not for the first one: it may be the only one
                self._start = _start(body, head)
            call = self._call(head, message_id, message)
        except WireError as error:
            raise WireError(str(error), tag) from None
        return Request(head, tag, call, question)

    def _call(self, head: Head, message_id: Any, message: Any) -> Call | None:
        api = head.api
        if api is None:
            return None
        if not isinstance(message_id, str):
            raise WireError(f"'messageID' is {'missing' if message_id is None else 'not a text'}")
        data = NOTHING
        if message is not None and api.spec.sends:
            data = _data(message)
        return self._last.make(api, message_id, data, head.waitrole, head.next, head.timeout, None)


def _start(body: bytes, head: Head) -> bytes:
    """Return all of a call's request before its ID, if nothing that differs is in there."""
    start, key, _ = body.partition(_ID)
    start += key
    # A key may be written with escapes, and the last one of several counts.
    differs = b"\\" in start or b'"message"' in start or b'"question"' in start or b'"id"' in start
    return start if head.api and not differs and _END.fullmatch(body, len(start)) else b""


def _head(document: dict[str, Any]) -> Head:
    kind = _text(document, "request")
    hold = _flag(document, "hold")
    group_size = document.get("group_size")
    if group_size is not None and type(group_size) is not int:
        raise WireError("'group_size' is not a whole number")
    call = document.get("call")
    if not _is_tag(call):
        raise WireError("'call' is not a number or a short text")
    # A member of 2013 has a 'timeout' of its own in every request: only who wants to be
    # answered when satisfied leaves the time to us.
    timeout = _seconds(document, "timeout") if hold else None
    delay = _seconds(document, "poll_delay")
    api = APIS.get(kind)
    takes_role = api is not None and "role" in api.spec.parameters
    return Head(
        kind=kind,
        client=_text(document, "client_name"),
        group=_text(document, "group_name"),
        role=_text(document, "role", ""),
        hostname=_text(document, "hostname", ""),
        secret=_text_or_none(document, "secret"),
        hold=hold,
        present=_flag(document, "present"),
        group_size=group_size,
        poll_delay=3.0 if delay is None else min(delay, 60.0),
        timeout=timeout if hold else math.inf,
        api=api,
        next=_flag(document, "next"),
        waitrole=_text_or_none(document, "waitrole") if takes_role else None,
        bundle=_text_or_none(document, "bundle"),
        sub_id=_text_or_none(document, "sub_id"),
        call=call,
    )


def _data(message: Any) -> dict[str, str]:
    """LAVA's values come from YAML: numbers and truth values count as their text."""
    if not isinstance(message, dict):
        raise WireError("'message' is not an object")
    data = {}
    for key, value in message.items():
        if isinstance(value, dict | list):
            raise WireError(f"the value of '{key[:80]}' in 'message' is not a text")
        data[key] = value if isinstance(value, str) else "" if value is None else str(value)
    return data


def _is_tag(value: Any) -> bool:
    """Whether it may be an `id`: JSON that is short, and not the NaN that Python makes of it."""
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, bool):
        return False
    return value is None or (isinstance(value, str | int) and len(str(value)) <= MAX_TAG)


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


def held_request(call: Call) -> dict[str, Any]:
    """Return the part of a held request that says what is asked; what differs comes last."""
    fields = {
        "request": call.api.request,
        "hold": True,
        "waitrole": call.role,
        "next": call.next or None,
        "timeout": call.timeout,
        "message": dict(call.data) or None,
        "messageID": call.id,
        "question": call.question,
    }
    return {key: value for key, value in fields.items() if value is not None}
