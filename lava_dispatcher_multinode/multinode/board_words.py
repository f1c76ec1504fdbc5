"""Calls and replies as words: between the scripts on the board and `Call`, `Outcome`.

send ID [KEY=VALUE ...]
wait ID [next] [timeout=SECONDS]
wait-all ID [role=ROLE] [timeout=SECONDS]
sync ID [timeout=SECONDS]

EXIT-CODE SENTENCE [SENDER:KEY=VALUE ...]
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from . import reasons
from .api import SCRIPT_EXIT, Api, Call

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from .api import Outcome

_ENCODING = ("utf-8", "surrogateescape")  # bytes that are not UTF-8 pass unchanged


def parse_call(words: Sequence[bytes], request_id: str | None = None) -> Call:
    """Return the call; `request_id` is the board's ID of it. ValueError, with a sentence."""
    if len(words) < 2:
        raise ValueError("a call is at least two words")
    name, id_, *rest = (word.decode(*_ENCODING) for word in words)
    api = _APIS.get(name)
    if api is None:
        raise ValueError(f"there is no call '{name}'")
    if api.spec.takes_data:
        return Call(api, id_, dict(_pair(word) for word in rest), request_id=request_id)
    fields: dict[str, Any] = {}
    for word in rest:
        option, value = _pair(word) if "=" in word else (word, "")
        if option not in _FIELDS:
            raise ValueError(f"unknown option '{option}'")
        fields[option] = _FIELDS[option](value)
    return Call(api, id_, request_id=request_id, **fields)


def format_reply(call: Call, outcome: Outcome) -> list[bytes]:
    """Return the reply to `call`."""
    sentence = " ".join(reasons.sentence(call, outcome).split())
    words = [str(SCRIPT_EXIT[outcome.status]), sentence]
    words += [
        f"{sender}:{key}={value}" for sender, data in outcome.data for key, value in data.items()
    ]
    return [word.encode(*_ENCODING) for word in words]


def result_name(call: Call) -> str:
    """Return the name of the result that LAVA records for a call."""
    return f"{call.api.result}-{call.id}".lower()


def _pair(word: str) -> tuple[str, str]:
    key, equals, value = word.partition("=")
    if not equals:
        raise ValueError(f"'{word}' is not KEY=VALUE")
    return key, value


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise ValueError(f"'{text}' is not a number of seconds")
    return seconds


_APIS = {api.value: api for api in Api}

#: The fields of `Call` that a word may set, and how its text is read.
_FIELDS: Mapping[str, Callable[[str], Any]] = {
    "role": str,
    "next": lambda _: True,
    "timeout": _seconds,
}
