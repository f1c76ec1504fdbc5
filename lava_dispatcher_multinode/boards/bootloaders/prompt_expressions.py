"""Prompts by regular expression: the device file's `boot.prompt_patterns`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_MAX_BEFORE, _MAX_BEHIND = 30, 60  # characters of a prompt around the match of an expression
#: What may stand behind a match: nothing, or text that ends as prompts do. A bracket excludes a
#: banner, such as "U-Boot 2012.10 (Oct 17 2012".
_BEHIND = rb"(?: ?|[^\r\n(]{0,%d}[#>$%%/] ?)" % _MAX_BEHIND


def with_expressions(prompt: bytes, expressions: Sequence[str]) -> bytes:
    """Return a pattern for `prompt`, or for a last line with a match of one of `expressions`.

    An expression may match a part of the prompt, as in LAVA.
    """
    if not expressions:
        return prompt
    # In a group each: an expression may have alternatives.
    matches = b"|".join(b"(?:%b)" % each.encode() for each in expressions)
    before = rb"(?:^|[\r\n])[^\r\n]{0,%d}?" % _MAX_BEFORE
    return rb"(?:%b)|%b(?:%b)%b(?=~*\Z)" % (prompt, before, matches, _BEHIND)
