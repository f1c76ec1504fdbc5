"""What is wrong with the words of a call, as far as a script's text shows them.

The same rules as those of the commands on the board (`overlays/lib/lava-waiting`,
`overlays/bin/lava-send`): what breaks them ends there with exit code 2.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_OPTIONS = {"wait": ("--next", "--timeout"), "wait-all": ("--timeout",), "sync": ("--timeout",)}
_OPERANDS = {"wait": 1, "wait-all": 2, "sync": 1}
_PAIR = re.compile(r"[A-Za-z0-9_.-]+=.*", re.DOTALL)
_SECONDS = re.compile(r"\d+\.?\d*|\.\d+")


def slip(api: str, words: Sequence[str]) -> str:
    """Return what is wrong with `lava-API WORDS`, or ""; the shell puts nothing into the words."""
    return _sending(words) if api == "send" else _waiting(api, words)


def _sending(words: Sequence[str]) -> str:
    if not words:
        return "the ID is missing"
    if words[0].startswith("-"):
        return f"there is no option '{words[0]}'"
    if "=" in words[0]:
        return f"the ID is missing before '{words[0]}'"
    wrong = next((word for word in words[1:] if not _PAIR.fullmatch(word)), None)
    return "" if wrong is None else f"'{wrong}' is not KEY=VALUE"


def _waiting(api: str, words: Sequence[str]) -> str:
    operands: list[str] = []
    rest = iter(words)
    for word in rest:
        option, _, value = word.partition("=")
        if option == "--timeout":
            value = value if "=" in word else next(rest, "")
            if not _SECONDS.fullmatch(value):
                return f"--timeout takes seconds, not '{value}'"
        elif word.startswith("-") and word not in _OPTIONS[api]:
            return f"there is no option '{word}' (it has {' and '.join(_OPTIONS[api])})"
        elif not word.startswith("-"):
            operands.append(word)
    if not operands:
        return "the ID is missing"
    if len(operands) > _OPERANDS[api]:
        return f"'{operands[_OPERANDS[api]]}' is one word too many"
    return ""
