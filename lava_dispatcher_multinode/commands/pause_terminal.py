"""The terminal of a paused run: the consoles of the failed board and of the others."""

from __future__ import annotations

import os
import re
import sys
import termios
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from ..boards.power.manual_switch import KEYBOARD
from ..errors import Cancelled, InvalidJob, MultinodeError
from ..polling import wait_readable
from ..report.consoles import filter_console
from .raw_terminal import CHUNK_BYTES, LEAVE_KEY, raw_terminal, write_all

if TYPE_CHECKING:
    from ..console.board_console import Console
    from ..report.text.terminal import Terminal
    from ..run.pause import Pause, PausedBoard

NEXT_KEY = b"\x1e"  # Ctrl-^
COMMAND_KEYS = re.compile(b"[" + re.escape(LEAVE_KEY + NEXT_KEY) + b"]")
BELL = b"\a"
READ_TIMEOUT_S = 60.0  # of one read; the end of the run wakes it


def check_terminal() -> None:
    """Raise `InvalidJob` unless this process has a terminal."""
    if not (os.isatty(0) and os.isatty(2)):
        message = "needs a terminal as standard input and standard error"
        hint = "omit it in CI"
        raise InvalidJob.about("--pause-on-failure", message, hint)


class TerminalInterface:
    """Connects this terminal to consoles; the `live` view is suspended meanwhile."""

    def __init__(self, live: Terminal) -> None:
        self._live = live
        self._paused = threading.Event()

    def connect_console(self, board: PausedBoard, pause: Pause) -> None:
        """Connect the terminal to `board` until Ctrl-] or the end of the run."""
        with (
            KEYBOARD,
            self._live.suspended(),
            suppress(OSError, termios.error),  # the terminal was closed
            raw_terminal(),
        ):
            self._paused.set()  # first: a board may be announced twice, but never not at all
            try:
                _print(_introduction(board, pause))
                shown: PausedBoard | None = board
                while shown is not None:
                    pause.mark_visited(shown.name)
                    shown = _connect(shown, pause)
            finally:
                self._paused.clear()

    def announce(self, board: PausedBoard) -> None:
        """Report the board on the terminal if it shows another one."""
        if self._paused.is_set():
            state = _first_line(board.failure) if board.failure else "ended"
            with suppress(OSError):
                _print(f"\n{board.name}: {state}; Ctrl-^ switches to it")


def _introduction(board: PausedBoard, pause: Pause) -> str:
    others = [other.name for other in pause.other_boards(board.name)]
    lines = [
        f"{board.name}: {board.failure}",
        "paused: the boards stay powered; Ctrl-] leaves, and the run powers them off",
    ]
    if others:
        lines.append(f"Ctrl-^ switches to the next board: {', '.join(others)}")
    if working := pause.running_nodes():
        lines.append(f"still running: {', '.join(working)}")
    return "\n".join(lines)


def _connect(board: PausedBoard, pause: Pause) -> PausedBoard | None:
    """Connect the terminal and the board; return the next board, None at the end."""
    console = board.console
    here = f"--- console of {board.name} (Enter shows the prompt); last output:"
    lines = filter_console("\n".join(console.tail()).encode("utf-8", "replace"))
    _print("\n".join([here, *(line.decode() for line in lines)]))
    over, wake = os.pipe()
    leaving = threading.Event()
    reader = threading.Thread(target=_show, args=(console, leaving, wake), daemon=True)
    reader.start()
    try:
        while True:
            if over in wait_readable([0, over]):
                return None
            data = os.read(0, CHUNK_BYTES)
            key = COMMAND_KEYS.search(data)
            if typed := data[: key.start()] if key else data:
                _type(console, typed)
            if not data or (key and key[0] == LEAVE_KEY):
                return None
            if key and (others := pause.other_boards(board.name)):
                return others[0]
    finally:
        leaving.set()
        console.wake()
        reader.join()
        with suppress(MultinodeError):  # consume a late wake-up
            console.forget()
            console.read(0)
        os.close(over)
        os.close(wake)


def _show(console: Console, leaving: threading.Event, wake: int) -> None:
    """Print the board's output; write to `wake` at the end of the run or of the terminal."""
    try:
        while not leaving.is_set():
            write_all(console.read(READ_TIMEOUT_S), 2)
    except (Cancelled, OSError):
        os.write(wake, b"x")
    except MultinodeError as error:  # the other boards remain available
        with suppress(OSError):
            _print(f"\n{error}")


def _type(console: Console, data: bytes) -> None:
    if not console.connected:  # a write would block
        write_all(BELL, 2)
        return
    try:
        console.write(data)
    except MultinodeError as error:
        _print(f"\n{error}")


def _first_line(text: str | None) -> str:
    return (text or "").partition("\n")[0]


def _print(text: str) -> None:
    """Print lines to a terminal in raw mode."""
    sys.stderr.flush()
    write_all("".join(f"{line}\r\n" for line in text.split("\n")).encode(), 2)
