"""Recognises a console that returns what is typed: a terminal on the way to the board echoes."""

from __future__ import annotations

import re

ECHOES = (
    "the console returns just what is typed: a terminal on the way to the board echoes, such as "
    "that of a conserver console of type exec: set it to raw mode, with 'stty raw -echo' before "
    "the command that it runs"
)
#: Removed from both: line ends, and blanks, at which messages cut lines.
_BLANK = rb"[ \t\r\n]|\\x0d"
_CONTROL = re.compile(rb"[\x00-\x20\x7f]")


def is_echo(output: bytes, typed: bytes) -> bool:
    """Return whether `output` is the echo of `typed`, or of its end, and nothing else.

    A board that reads answers with more, at least with a prompt.
    """
    if not output.strip() or not typed:
        return False
    forms = [form for byte in set(_CONTROL.findall(typed)) for form in _echoes_of(byte)]
    shown = re.sub(b"|".join([_BLANK, *map(re.escape, forms)]), b"", output)
    return _CONTROL.sub(b"", typed).endswith(shown)


def _echoes_of(control: bytes) -> tuple[bytes, ...]:
    """Return a control character as terminals echo it, and as messages show it."""
    return control, b"^%c" % (control[0] ^ 0x40), b"\\x%02x" % control[0]
