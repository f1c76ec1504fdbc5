"""Shows a run in progress: on a terminal one line per node in place, elsewhere plain lines.

A thread does the writing: a stopped terminal (Ctrl-S, a full pipe) does not stop the run.
"""

from __future__ import annotations

import os
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

from .. import coerce
from ..results import Results
from ..safe_text import width
from .live import live_lines
from .log_lines import LogLine, Verbosity, format_event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    Event = Mapping[str, Any]

REDRAW_INTERVAL_S = 1.0  # without events, for the elapsed times
MIN_REDRAW_INTERVAL_S = 0.1
CLOSE_TIMEOUT_S = 3.0  # for the reader to take the rest

_STYLES = {"good": "\x1b[32m", "bad": "\x1b[31m", "warning": "\x1b[33m", "strong": "\x1b[1m"}


def wants_colour(stream: TextIO, environ: Mapping[str, str] = os.environ) -> bool:
    """Return whether to use colour: by NO_COLOR, FORCE_COLOR, then the kind of `stream`."""
    if environ.get("NO_COLOR"):
        return False
    if environ.get("FORCE_COLOR"):
        return environ["FORCE_COLOR"] != "0"
    return is_terminal(stream, environ)


def is_terminal(stream: TextIO, environ: Mapping[str, str] = os.environ) -> bool:
    """Return whether `stream` is a terminal on which lines can be redrawn."""
    return stream.isatty() and environ.get("TERM", "dumb") != "dumb"


def paint(text: str, style: str, *, color: bool) -> str:
    """Return `text` in a style: good, bad, warning, strong; none if empty."""
    return f"{_STYLES[style]}{text}\x1b[0m" if color and style else text


def size_of(stream: TextIO) -> tuple[int, int]:
    """Return a terminal's columns and rows; 80 and 24 if they are unknown."""
    try:
        columns, rows = os.get_terminal_size(stream.fileno())
    except (OSError, ValueError):
        return 80, 24
    return columns or 80, rows or 24


class Terminal:
    """An event subscriber that shows them on `stream`.

    `verbosity`: -1 nothing, 0 progress, 1 also all log lines. `tty` and `color` override the
    properties of the stream. `now` returns the run's seconds if events arrive late;
    `last_line` returns what a node printed last.
    """

    def __init__(
        self,
        stream: TextIO,
        *,
        verbosity: int = 0,
        tty: bool | None = None,
        color: bool | None = None,
        environ: Mapping[str, str] = os.environ,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] | None = None,
        last_line: Callable[[str], str] | None = None,
    ) -> None:
        self._stream = stream
        self._verbosity = verbosity
        tty = is_terminal(stream, environ) if tty is None else tty
        self._tty = tty and verbosity >= 0
        self._color = wants_colour(stream, environ) if color is None else color
        self._clock = clock
        self._now = now
        self._last_line = last_line
        self._results = Results()
        self._lines: list[LogLine] = []
        self._frame: list[str] = []  # the drawn lines, without colours
        self._offset = 0.0  # from `clock` to the run's seconds
        self._pending = False
        self._suspended = False
        self._hidden = False  # suspended, and the live lines are removed
        self._closing = False
        self._broken = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._work, name="terminal", daemon=True)
        self._thread.start()

    def __call__(self, event: Event) -> None:
        """Queue one event; returns at once."""
        with self._changed:
            self._offset = (coerce.number(event.get("t")) or 0.0) - self._clock()
            self._results.feed(event)
            line = format_event(event, self._results)
            if line is not None and line.verbosity >= self._least:
                self._lines.append(line)
            self._pending = True
            self._changed.notify_all()

    @contextmanager
    def suspended(self) -> Iterator[None]:
        """Keep the terminal free for others within the context; lines follow after it."""
        with self._changed:
            self._suspended = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._hidden or self._closing)
        try:
            yield
        finally:
            with self._changed:
                self._suspended = False
                self._pending = True
                self._changed.notify_all()

    def close(self) -> None:
        """Write the rest, remove the live lines, and end the thread.

        A stopped terminal is given up after `CLOSE_TIMEOUT_S`: the boards come first.
        """
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join(CLOSE_TIMEOUT_S)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def _least(self) -> Verbosity:
        if self._verbosity > 0:
            return Verbosity.DETAIL
        return Verbosity.NOTABLE if self._tty else Verbosity.PROGRESS

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(
                    lambda: self._pending or self._closing or self._suspended,
                    REDRAW_INTERVAL_S if self._tty else None,
                )
                closing, hidden, self._pending = self._closing, self._suspended, False
                lines, self._lines = self._lines, []
                columns, rows = size_of(self._stream) if self._tty else (80, 24)
                drawn = self._tty and not closing and not hidden
                frame = self._draw_live(columns, rows) if drawn else []
            if self._verbosity >= 0:
                self._show(lines, frame, columns)
            if closing:
                return
            with self._changed:
                if hidden:
                    self._hidden = True
                    self._changed.notify_all()
                    self._changed.wait_for(lambda: self._closing or not self._suspended)
                    self._hidden = False
                elif self._tty:
                    self._changed.wait_for(
                        lambda: self._closing or self._suspended, MIN_REDRAW_INTERVAL_S
                    )

    def _draw_live(self, columns: int, rows: int) -> list[tuple[str, str]]:
        # The last column and row stay free: some terminals wrap or scroll at once.
        now = self._clock() + self._offset if self._now is None else self._now()
        return live_lines(self._results, now, columns - 1, rows - 1, self._last_line)

    def _show(self, lines: list[LogLine], frame: list[tuple[str, str]], columns: int) -> None:
        texts = [text for text, _ in frame]
        if not lines and texts == self._frame:
            return
        above = [paint(line.text, line.style, color=self._color) for line in lines]
        drawn = [paint(text, style, color=self._color) for text, style in frame]
        if self._tty:
            self._write(_redraw(self._frame, above + drawn, columns))
        else:
            self._write("".join(f"{line}\n" for line in above))
        self._frame = texts

    def _write(self, text: str) -> None:
        if self._broken:
            return
        encoding = self._stream.encoding or "utf-8"
        try:
            self._stream.write(text.encode(encoding, "replace").decode(encoding))
            self._stream.flush()
        except BlockingIOError:
            pass  # a non-blocking terminal; the next drawing repairs it
        except (OSError, ValueError):
            self._broken = True  # the terminal is closed; the run continues


def _redraw(before: list[str], lines: list[str], columns: int) -> str:
    """Return the text that draws `lines` over `before`, in one write to avoid flicker."""
    # A narrower terminal has wrapped the old lines.
    height = sum(max(1, -(-width(line) // columns)) for line in before)
    up = f"\x1b[{height}A" if height else ""
    return "\r" + up + "".join(f"{line}\x1b[K\n" for line in lines) + "\x1b[J"
