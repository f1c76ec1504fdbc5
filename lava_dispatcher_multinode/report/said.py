"""The lines of a console in which a board says something.

Not those of the console channel, nor the dispatcher's own dialogue with the
board's shell: its commands as a board echoes them, and the numbers and
checksums that answer them. What a kernel, a test or a command that failed
prints is always kept.
"""

from __future__ import annotations

import re

from .. import shell_markers

STAMP = re.compile(rb"\[ *(\d+\.\d+)\] ?")
_NUMBER = rb"(\d+)"


def _pattern(words: str) -> bytes:
    """Return the pattern of `words`, in which 0 is a number."""
    return re.escape(words.encode()).replace(b"0", _NUMBER)


_BEGUN = re.compile(_pattern(shell_markers.begun(0)))
_ENDED = re.compile(_pattern(shell_markers.ended(0, 0)))
#: What a command answers that asks for an ID, a checksum or a mark.
_ANSWER = re.compile(rb"(\d+|[0-9a-f]{32,})( +\d+)*( +-)?")
_NOTHING = re.compile(
    rb"<LAVA_[^<]*>~*|<lava-(begin|end|ready) [\d ]+>|-- power (off|cycle) --"
    rb"|" + re.escape(shell_markers.RUNNER_ENDED.encode()) + rb" \d+"
    rb"|(.{0,80}[#$>%:] )?(" + re.escape(shell_markers.KEEP_CODE.encode()) + rb"|"
    + _pattern(shell_markers.end(0)) + rb")"
)  # fmt: skip
#: The first command is echoed; where it does not fit, a shell goes on in another line.
_TYPED = re.compile(rb".{0,80}" + _pattern(shell_markers.begin(0)) + rb"(?P<command>.*)")
_QUIET = shell_markers.QUIET.encode()


def saying(data: bytes) -> list[bytes]:
    """Return the lines in which a board says something, with their times."""
    kept: list[bytes] = []
    begun: tuple[bytes, int] | None = None  # the command that runs, and where its output begins
    echo = b""  # what is to come of an echo
    for line in data.split(b"\n"):
        text = _text(line)
        rest = _rest_of_echo(text, echo)
        echo = rest or b""
        if mark := _BEGUN.fullmatch(text):
            begun = mark[1], len(kept)
        elif (mark := _ENDED.fullmatch(text)) and begun is not None:
            if mark.groups() == (begun[0], b"0"):
                output = kept[begun[1] :]
                kept[begun[1] :] = (each for each in output if not _ANSWER.fullmatch(_text(each)))
            begun = None
        elif text and rest is None and not _NOTHING.fullmatch(text):
            kept.append(line)
    return kept


def _text(line: bytes) -> bytes:
    return STAMP.sub(b"", line, count=1).strip()


def _rest_of_echo(text: bytes, echo: bytes) -> bytes | None:
    """Return what is to come of the first command's echo behind `text`; None: it is none."""
    if (found := _TYPED.fullmatch(text)) and _QUIET.startswith(found["command"]):
        return _QUIET.removeprefix(found["command"]).lstrip()
    if text and echo.startswith(text):
        return echo.removeprefix(text).lstrip()
    return None
