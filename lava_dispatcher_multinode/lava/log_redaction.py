"""Redaction of a LAVA job's `secrets`, and values that hide results in LAVA's log.

LAVA (since after 2023.01) writes `MASK` wherever a line of its log has the value of a secret: also
in a result, in a name, or within LAVA's own words.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import yaml

from ..multinode.api import Api

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

MASK = "[MASKED]"
#: The words of LAVA's log from which results and the end of the job are read.
_WORDS = """
pass fail skip unknown lava job validate stage results target feedback info debug warning error
exception lvl msg definition case result level extra error_type error_msg measurement units set
Test Job Infrastructure Configuration Canceled Bug MultinodeTimeout
start: end: finalize power-off duration Starting test Ending test Received signal STARTTC
multinode-test
0 1 2 3 4 5 6 7 8 9
""" + " ".join(api.result for api in Api)
_NAMED = re.compile(r"lava-test-(?:case|reference|set +start) +[\"']?([^\s\"']+)")


class Redaction:
    """Redacts the values of a job's secrets, as LAVA does.

    `hiding` are the names of the secrets whose value is part of LAVA's own words.
    """

    def __init__(self, submission: Mapping[str, Any] | None = None) -> None:
        found = list(_secrets(submission or {}))
        self.hiding = _within(found, _WORDS)
        values = sorted({value for _, value in found}, key=len, reverse=True)
        self._text = re.compile("|".join(map(re.escape, values))) if values else None
        # LAVA's log is JSON or YAML, one document per line, with escapes.
        forms = {form.encode() for value in values for form in _forms(value)}
        longest = sorted(forms, key=len, reverse=True)
        self._line = re.compile(b"|".join(map(re.escape, longest))) if longest else None

    def redact(self, text: str) -> str:
        """Return `text` with the values masked."""
        return text if self._text is None else self._text.sub(MASK, text)

    def redact_line(self, line: bytes) -> bytes:
        """Return a line of LAVA's log with the values masked."""
        return line if self._line is None else self._line.sub(MASK.encode(), line)


def hiding_secrets(submission: Mapping[str, Any]) -> list[str]:
    """Return the names of secrets whose value is part of LAVA's words, or of a test's name."""
    return _within(_secrets(submission), "\n".join([_WORDS, *_names(submission.get("actions"))]))


def _within(secrets: Iterable[tuple[str, str]], words: str) -> list[str]:
    return sorted({name for name, value in secrets if value in words})


def _secrets(submission: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    found = submission.get("secrets")
    for name, value in found.items() if isinstance(found, dict) else ():
        for item in _scalars(value):
            yield str(name), item


def _scalars(value: Any) -> Iterator[str]:
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _scalars(item)
    elif value not in {None, ""}:
        yield str(value)


def _forms(value: str) -> Iterator[str]:
    yield value
    yield json.dumps(value)[1:-1]
    yield yaml.safe_dump(value, default_style='"', width=len(value) * 10).strip()[1:-1]


def _names(value: Any) -> Iterator[str]:
    """Yield the names of the definitions and of the cases that appear in a job."""
    if isinstance(value, dict):
        if "repository" in value and isinstance(name := value.get("name"), str):
            yield name
        for item in value.values():
            yield from _names(item)
    elif isinstance(value, list):
        for item in value:
            yield from _names(item)
    elif isinstance(value, str):
        yield from _NAMED.findall(value)
