"""What a board has said: its own words, and not the dispatcher's dialogue with it."""

import pytest

from lava_dispatcher_multinode.boards.shell import Shell
from lava_dispatcher_multinode.deadline import Deadline
from lava_dispatcher_multinode.report.said import saying
from lava_dispatcher_multinode.shell_markers import QUIET, begin


def said(*texts):
    """Return the texts of those lines that are kept, each a line of console.log."""
    data = b"".join(b"[%12.6f] %b\n" % (n, text.encode()) for n, text in enumerate(texts))
    return [line.decode().partition("] ")[2] for line in saying(data)]


class Terminal:
    """A dialogue that keeps what is typed, and has no answer."""

    def __init__(self):
        self.typed = b""

    def send(self, data):
        """Keep it."""
        self.typed += data

    def expect_or_none(self, patterns, timeout):
        """Return that nothing has come."""


PROMPTS = ("", "root@panda01:~# ", "[root@arm /]# ", "/ # ", "arm login: ")


@pytest.mark.parametrize("prompt", PROMPTS)
def test_what_the_dispatcher_types_is_not_said(prompt):
    """Until its first command has been obeyed the board echoes what comes."""
    terminal = Terminal()
    Shell(terminal, Deadline(1, "test")).ask(QUIET, 0.001)
    lines = terminal.typed.decode().splitlines()
    assert len(lines) > 2
    assert said("Welcome", *(prompt + line for line in lines), "more") == ["Welcome", "more"]


@pytest.mark.parametrize("columns", range(60, 100))
def test_echo_that_is_wrapped(columns):
    """A shell with an editor of its own breaks the line where the terminal ends."""
    line = f"root@board:/root# {begin(1)}{QUIET}"
    pieces = [line[at : at + columns] for at in range(0, len(line), columns)]
    assert said("Welcome", *pieces, "unset", "2") == ["Welcome", "unset", "2"]


def test_answers_are_not_said():
    """Checksums, IDs and marks that the dispatcher asked for say nothing to people."""
    dialogue = ("<lava-begin 7>", "3863814351 14489", "0", "f" * 32 + "  -", "<lava-end 7 0>")
    octal = ("<lava-begin 8>", "0000000 037 213 010", "0000003", "<lava-end 8 0>")
    silent = ("<lava-begin 9>", "<lava-end 9 0>")
    assert said("up", *dialogue, *octal, *silent, "down") == ["up", "down"]


def test_frames_and_power_are_not_said():
    """The channel's traffic and the dispatcher's own remarks are none of the board's words."""
    frames = (
        "<LAVA_MN A 1 2>",
        "lava-runner-ended 137",
        "<LAVA_SIGNAL_STARTRUN 0_a u>~~~~",
        "<lava-ready 3>",
        "",
    )
    assert said("up", *frames, "-- power cycle --", "down") == ["up", "down"]


TYPED = f"root@a:~# {begin(1)}stty -ec"


@pytest.mark.parametrize(
    ("lines", "kept"),
    [
        # A test's cksum.
        (["2390074938 14406", "0"], ["2390074938 14406", "0"]),
        (
            ["<lava-begin 3>", "Internal error: Oops: 17 [#1] SMP ARM", "<lava-end 3 0>"],
            ["Internal error: Oops: 17 [#1] SMP ARM"],
        ),
        # A kernel's line.
        (["<lava-begin 3>", "[   12.5] 4", "<lava-end 3 0>"], ["[   12.5] 4"]),
        (
            ["<lava-begin 3>", "12 34", "No space left on device", "<lava-end 3 1>"],
            ["12 34", "No space left on device"],
        ),
        # The board dies: its last line counts.
        (["<lava-begin 3>", "12 34"], ["12 34"]),
        (["<lava-begin 3>", "12 34", "<lava-end 4 0>"], ["12 34"]),
        (
            ["<lava-ohm 3>", "<lava-test>", "-- results --", "-- 3 --"],
            ["<lava-ohm 3>", "<lava-test>", "-- results --", "-- 3 --"],
        ),
        (
            ["the console is gone", "-- the console is back after 2.0 s --"],
            ["the console is gone", "-- the console is back after 2.0 s --"],
        ),
        (
            [f"{TYPED}[   12.3] Kernel panic - not syncing: x"],
            [f"{TYPED}[   12.3] Kernel panic - not syncing: x"],
        ),
        ([TYPED, "Kernel panic - not syncing: x"], ["Kernel panic - not syncing: x"]),
        (["lava_code=$? is what I type"], ["lava_code=$? is what I type"]),
    ],
)
def test_what_a_kernel_or_a_test_prints_is_said(lines, kept):
    """What a kernel or a test prints is kept wherever it stands, as it can be the reason."""
    assert said(*lines) == kept
