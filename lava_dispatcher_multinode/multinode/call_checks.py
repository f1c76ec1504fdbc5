"""What a call may contain. Every check returns a sentence, or "" when all is well."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from .api import WAIT, WAIT_ALL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .api import Call

#: The data of one message: bytes of its `key=value` lines, as UTF-8, newlines counted.
MAX_DATA = 60 * 1024
#: A message ID, a role or a device name: bytes as UTF-8.
MAX_NAME = 256

_KEY = re.compile(r"[A-Za-z0-9_.-]+\Z")
_NOT_IN_NAMES = re.compile(r"[\s\x00-\x1f\x7f-\x9f]")
_NOT_IN_VALUES = re.compile(r"[\n\x00]")
#: No character, and none of the surrogates that stand for bytes which are not UTF-8:
#: JSON can say it, but it could not be handed to a board.
_NO_CHARACTER = re.compile("[\ud800-\udc7f\udd00-\udfff]")


def size(text: str) -> int:
    """Return the length of `text` in bytes, lone surrogates (undecodable bytes) included."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def name_problem(what: str, name: str) -> str:
    """Check a message ID, a role or a device name; `what` says which."""
    if len(name) > MAX_NAME:  # nothing long is kept in a cache
        return f"the {what} has {size(name)} bytes; at most {MAX_NAME} are allowed"
    return _short_name_problem(what, name)


@lru_cache(maxsize=1024)  # the members of a barrier all name the same
def _short_name_problem(what: str, name: str) -> str:
    if not name:
        return f"the {what} is empty"
    if size(name) > MAX_NAME:
        return f"the {what} has {size(name)} bytes; at most {MAX_NAME} are allowed"
    if _NO_CHARACTER.search(name):
        return f"the {what} {name!r} contains half of a character"
    if _NOT_IN_NAMES.search(name):
        return f"the {what} {name!r} contains white space or a control character"
    return ""


def data_size(data: Mapping[str, str]) -> int:
    """Return the bytes of `data` as `key=value` lines."""
    return sum(size(key) + size(value) + 2 for key, value in data.items())


def data_problem(data: Mapping[str, str]) -> str:
    """Check the key-value pairs of a message."""
    for key, value in data.items():
        if not _KEY.match(key):
            return f"the key {key[:80]!r} is not made of letters, digits, '_', '.' and '-'"
        if _NOT_IN_VALUES.search(value):
            return f"the value of '{key}' has more than one line, or a NUL"
        if _NO_CHARACTER.search(value):
            return f"the value of '{key}' contains half of a character"
    if data and (total := data_size(data)) > MAX_DATA:
        return f"the data has {total} bytes; at most {MAX_DATA} are allowed in a message"
    return ""


def call_problem(call: Call) -> str:
    """Check everything about `call` that does not depend on the group."""
    api, message_id, data, role, consume, timeout, _ = call
    if problem := name_problem("message ID", message_id):
        return problem
    if role is not None and (problem := name_problem("role", role)):
        return problem
    if role is not None and api is not WAIT_ALL:
        return "only lava-wait-all takes a role"
    if consume and api is not WAIT:
        return "only lava-wait takes --next"
    if timeout is not None and not timeout >= 0:  # a NaN, too
        return "the timeout is not a number of seconds from 0 up"
    return data_problem(data) if data else ""
