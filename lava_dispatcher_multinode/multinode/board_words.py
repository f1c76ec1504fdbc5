"""The words of a question and of its answer: between the board's scripts and `Call`, `Outcome`.

send ID [KEY=VALUE ...]
wait ID [next] [timeout=SECONDS]
wait-all ID [role=ROLE] [timeout=SECONDS]
sync ID [timeout=SECONDS]

EXIT-CODE SENTENCE [SENDER:KEY=VALUE ...]
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from .api import SCRIPT_EXIT, Api, Call
from .reasons import failed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .api import Outcome

_ENCODING = ("utf-8", "surrogateescape")  # what is not UTF-8 goes through unchanged


def call_of(words: Sequence[bytes], question: str | None = None) -> Call:
    """Return the call, `question` by its ID; ValueError, with a sentence, if they are none."""
    if len(words) < 2:
        raise ValueError("a call is at least two words")
    name, id_, *rest = (word.decode(*_ENCODING) for word in words)
    try:
        api = Api(name)
    except ValueError:
        raise ValueError(f"there is no call '{name}'") from None
    if api is Api.SEND:
        return Call(api, id_, dict(_pair(word) for word in rest), question=question)
    options = dict(_pair(word) if "=" in word else (word, "") for word in rest)
    call = Call(
        api,
        id_,
        role=options.pop("role", None),
        next=options.pop("next", None) is not None,
        timeout=_seconds(options.pop("timeout", None)),
        question=question,
    )
    if options:
        raise ValueError(f"unknown option '{next(iter(options))}'")
    return call


def words_of(call: Call, outcome: Outcome) -> list[bytes]:
    """Return the answer to `call`."""
    sentence = outcome.reason
    if sentence and not sentence.startswith("deadlock"):
        sentence = failed(call, outcome)
    answer = [str(SCRIPT_EXIT[outcome.status]), " ".join(sentence.split())]
    answer += [
        f"{sender}:{key}={value}" for sender, data in outcome.data for key, value in data.items()
    ]
    return [word.encode(*_ENCODING) for word in answer]


def case_of(call: Call) -> str:
    """Return the name of the result that LAVA records for a call."""
    return f"multinode-{call.api.value.replace('-', '_')}-{call.id}".lower()


def _pair(word: str) -> tuple[str, str]:
    key, equals, value = word.partition("=")
    if not equals:
        raise ValueError(f"'{word}' is not KEY=VALUE")
    return key, value


def _seconds(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise ValueError(f"'{text}' is not a number of seconds")
    return seconds
