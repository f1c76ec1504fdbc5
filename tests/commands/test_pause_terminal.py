"""The terminal of a paused run: a process on a pty, with the consoles of two boards."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import termios
import time

import pytest

TIMEOUT_S = 30
USE = r"""
import contextlib, sys, time
from pathlib import Path
from types import SimpleNamespace
from lava_dispatcher_multinode.commands.pause_terminal import TerminalInterface
from lava_dispatcher_multinode.console.board_console import Console
from lava_dispatcher_multinode.console.open import open_console
from lava_dispatcher_multinode.console.transcript import Transcript
from lava_dispatcher_multinode.lab.device_sections import ConsoleConnection
from lava_dispatcher_multinode.run.pause import PausedBoard

def board(name, failure):
    script = f"echo this is {name}; exec sed -u s/^/{name}:/"
    console = Console(
        open_console(ConsoleConnection(command=script), name),
        Transcript(Path(sys.argv[1], name), time.monotonic),
    )
    while not console.tail():
        console.read(1)
    return PausedBoard(name, console, failure)

boards = [board("b1", "no prompt\nU-Boot"), board("b2", None)]
seen = []
pause = SimpleNamespace(
    mark_visited=seen.append,
    running_nodes=lambda: ["b3"],
    other_boards=lambda name: [other for other in boards if other.name != name],
)
interface = TerminalInterface(SimpleNamespace(suspended=contextlib.nullcontext))
interface.announce(boards[0])
real = pause.mark_visited
def look(name):
    real(name)
    if len(seen) == 1:
        interface.announce(boards[1])
pause.mark_visited = look
interface.connect_console(boards[0], pause)
interface.announce(boards[1])
print("seen", *seen, file=sys.stderr)
"""


class Terminal:
    """A terminal that shows the first board."""

    def __init__(self, directory):
        self.far, self.near = pty.openpty()
        self.before = termios.tcgetattr(self.near)
        self.process = subprocess.Popen(
            [sys.executable, "-c", USE, directory], stdin=self.near, stderr=self.near
        )
        self.text = ""

    def until(self, pattern):
        """Return what is printed up to a match of `pattern`."""
        over = time.monotonic() + TIMEOUT_S
        while (match := re.search(pattern, self.text)) is None:
            assert select.select([self.far], [], [], max(0, over - time.monotonic()))[0], self.text
            self.text += os.read(self.far, 4096).decode()
        printed, self.text = self.text[: match.end()], self.text[match.end() :]
        return printed

    def type(self, data):
        """Press keys."""
        os.write(self.far, data)

    def close(self):
        """End it."""
        self.process.kill()
        self.process.wait()
        os.close(self.far)
        os.close(self.near)


@pytest.fixture
def terminal(tmp_path):
    """The terminal at the console of b1, which has failed; b2 is available, too."""
    made = Terminal(tmp_path)
    yield made
    made.close()


def test_the_introduction(terminal):
    """It shows the failure, the keys, the other boards and the last output of the console."""
    said = terminal.until("this is b1\r\n").split("\r\n")
    assert said[:4] == [
        "b1: no prompt",
        "U-Boot",
        "paused: the boards stay powered; Ctrl-] leaves, and the run powers them off",
        "Ctrl-^ switches to the next board: b2",
    ]
    assert "still running: b3" in said


def test_keys_go_to_the_board_and_its_answers_come_back(terminal):
    """Ctrl-] restores the mode of the terminal."""
    terminal.until("this is b1")
    terminal.type(b"hello\n")
    terminal.until("b1:hello")
    terminal.type(b"\x1d")
    terminal.until("seen b1\r?\n")
    assert terminal.process.wait(TIMEOUT_S) == 0
    assert termios.tcgetattr(terminal.near) == terminal.before


def test_the_next_board_and_back(terminal):
    """Ctrl-^ switches the console; later input goes to that board only."""
    terminal.until("this is b1")
    terminal.type(b"\x1e")
    terminal.until("--- console of b2 ")
    terminal.until("this is b2")
    terminal.type(b"two\n")
    assert "b1:" not in terminal.until("b2:two")
    terminal.type(b"\x1e")
    terminal.until("--- console of b1 ")
    terminal.type(b"one\n")
    terminal.until("b1:one")
    terminal.type(b"\x1d")
    terminal.until("seen b1 b2 b1")


def test_what_is_typed_before_a_key_that_leaves_gets_there(terminal):
    """Input and the key may arrive in one read."""
    terminal.until("this is b1")
    terminal.type(b"before\n\x1e")
    terminal.until("--- console of b2 ")
    terminal.type(b"\x1e")
    terminal.until("b1:before")


def test_a_board_is_announced_only_during_a_pause(terminal):
    """At other times the terminal shows the live view."""
    said = terminal.until("this is b1")
    terminal.type(b"\x1d")
    said += terminal.until("seen b1")
    assert said.count("b2: ended; Ctrl-^ switches to it") == 1
    assert "b1: no prompt; Ctrl" not in said


@pytest.mark.parametrize("stdin", [True, False])
def test_without_a_terminal_it_is_refused(stdin):
    """Without a terminal the run would wait for a key forever."""
    far, near = pty.openpty()
    code = "from lava_dispatcher_multinode.commands.pause_terminal import check_terminal as c; c()"
    done = subprocess.run(
        [sys.executable, "-c", code],
        stdin=near if stdin else subprocess.DEVNULL,
        stderr=subprocess.PIPE if stdin else near,
    )
    os.close(near)
    said = done.stderr if stdin else os.read(far, 65536)
    os.close(far)
    assert done.returncode == 1
    assert b"--pause-on-failure" in said
