"""Removes terminal escape sequences from a board's output, so that a prompt is plain text.

Shells surround their prompts with sequences for titles (OSC), colours (CSI) and marks for the
terminal, several hundred bytes in all. They are no part of a line.
"""

from __future__ import annotations

import re

#: Limits: a longer sequence, or a string that a line end interrupts, is text. Otherwise a
#: garbled byte would hide all further output.
MAX_STRING_BYTES = 4096
MAX_PARAMETERS = 64
_STRING = rb"[^\x07\x18\x1a\x1b\r\n]{0,%d}" % MAX_STRING_BYTES
_PARAMETERS = rb"[0-?]{0,%d}[ -/]{0,4}" % MAX_PARAMETERS
#: CSI; OSC, DCS, SOS, PM, APC and the title of `screen`, up to BEL or ST; two or three bytes.
SEQUENCE = (
    rb"\x1b(?:\[" + _PARAMETERS + rb"[@-~]|[]PX^_k]" + _STRING + rb"(?:\x07|\x1b\\)"
    rb"|[ -/]{1,4}[0-~]|[0-OQ-WYZ\\`-jl-~])"
)
_SEQUENCE = re.compile(SEQUENCE)
_INCOMPLETE = re.compile(
    rb"\x1b(?:\[" + _PARAMETERS + rb"|[]PX^_k]" + _STRING + rb"\x1b?|[ -/]{0,4})\Z"
)


def without_escapes(data: bytes) -> bytes:
    """Return `data` without its complete escape sequences."""
    return _SEQUENCE.sub(b"", data) if b"\x1b" in data else data


class EscapeFilter:
    """Removes escape sequences from a stream; an incomplete one waits for its rest."""

    def __init__(self) -> None:
        self._incomplete = b""

    def feed(self, data: bytes) -> bytes:
        """Return the text of the stream up to here, without its escape sequences."""
        if not self._incomplete and b"\x1b" not in data:
            return data
        text = without_escapes(self._incomplete + data)
        found = _INCOMPLETE.search(text)
        self._incomplete = found[0] if found else b""
        return text[: found.start()] if found else text
