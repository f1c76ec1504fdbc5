"""The terminal of a run that pauses: the console of the board that failed, and of its peers."""

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
READ_TIMEOUT_S = 60.0  # seconds of one read; any will do: an end wakes it


def check_terminal() -> None:
    """Raise `InvalidJob` unless there is somebody who can look at boards."""
    if not (os.isatty(0) and os.isatty(2)):
        message = "needs somebody at a terminal: standard input and standard error are not one"
        hint = "leave it out where nobody looks, in CI say"
        raise InvalidJob.about("--pause-on-failure", message, hint)


class TerminalInterface:
    """Hands consoles over to whoever types; `live` is the view that gives way meanwhile."""

    def __init__(self, live: Terminal) -> None:
        self._live = live
        self._paused = threading.Event()

    def connect_console(self, board: PausedBoard, pause: Pause) -> None:
        """Connect terminal and board until Ctrl-], or the end of the run or the terminal."""
        with (
            KEYBOARD,
            self._live.suspended(),
            suppress(OSError, termios.error),  # it was closed: nobody looks any more
            raw_terminal(),
        ):
            self._paused.set()  # first: who comes now is told of twice rather than never
            try:
                _say(_introduction(board, pause))
                shown: PausedBoard | None = board
                while shown is not None:
                    pause.seen(shown.name)
                    shown = _at(shown, pause)
            finally:
                self._paused.clear()

    def announce(self, board: PausedBoard) -> None:
        """Tell whoever is looking at another board just now."""
        if self._paused.is_set():
            how = f"has failed, too: {_first(board.failure)}" if board.failure else "has ended"
            with suppress(OSError):
                _say(f"\n{board.name} {how}; Ctrl-^ goes to it")


def _introduction(board: PausedBoard, pause: Pause) -> str:
    others = [other.name for other in pause.others(board.name)]
    lines = [
        f"{board.name}: {board.failure}",
        "paused: the boards stay up; Ctrl-] leaves, and the run goes on to power-off",
    ]
    if others:
        lines.append(f"Ctrl-^ goes to the next board: {', '.join(others)}")
    if working := pause.running_nodes():
        lines.append(f"still at work: {', '.join(working)}")
    return "\n".join(lines)


def _at(board: PausedBoard, pause: Pause) -> PausedBoard | None:
    """Copy the terminal to the board and back; return the board to go to, None at the end."""
    console = board.console
    here = f"--- console of {board.name}; Enter brings its prompt; it said last:"
    said = filter_console("\n".join(console.tail()).encode("utf-8", "replace"))
    _say("\n".join([here, *(line.decode() for line in said)]))
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
            if key and (others := pause.others(board.name)):
                return others[0]
    finally:
        leaving.set()
        console.wake()
        reader.join()
        with suppress(MultinodeError):  # a wake that came too late is not for the next reader
            console.forget()
            console.read(0)
        os.close(over)
        os.close(wake)


def _show(console: Console, leaving: threading.Event, wake: int) -> None:
    """Print what the board says; the end of the run or of the terminal wakes the keyboard."""
    try:
        while not leaving.is_set():
            write_all(console.read(READ_TIMEOUT_S), 2)
    except (Cancelled, OSError):
        os.write(wake, b"x")
    except MultinodeError as error:  # the other boards can be looked at all the same
        with suppress(OSError):
            _say(f"\n{error}")


def _type(console: Console, data: bytes) -> None:
    if not console.connected:  # a write would wait until it is
        write_all(BELL, 2)
        return
    try:
        console.write(data)
    except MultinodeError as error:
        _say(f"\n{error}")


def _first(text: str | None) -> str:
    return (text or "").partition("\n")[0]


def _say(text: str) -> None:
    """Print lines, also on a terminal that is raw."""
    sys.stderr.flush()
    write_all("".join(f"{line}\r\n" for line in text.split("\n")).encode(), 2)
