"""Programs and the serial line: what passes when the system ends."""

import os
import signal
from pathlib import Path


def test_last_words_are_printed(operator):
    """What a program prints just before the system ends is not lost."""
    board = operator().boot()
    board.line("seq 1 2000; echo l''ast; reboot -f")
    board.expect("last\r\n")
    assert board.before.endswith("2000\r\n")
    board.expect("Restarting system.")


def test_init_cannot_be_killed(operator):
    """As on any Linux, the board survives kill -9 of its first process."""
    board = operator().boot()
    board.line("kill -9 1; exec true")
    board.expect("login: ")


def test_init_that_dies_is_a_panic(operator):
    """If the first process ends all the same, the kernel panics as Linux does."""
    board = operator(name=f"dying{os.getpid()}").boot()
    (pid,) = [
        int(entry.name)
        for entry in Path("/proc").iterdir()
        if entry.name.isdecimal() and _is_init_of(entry, board.board.name)
    ]
    os.kill(pid, signal.SIGKILL)
    board.expect("Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000009")


def _is_init_of(entry, name):
    """Whether a process of the host is the first one of the board of that name."""
    try:
        parent = (entry / "stat").read_text().rpartition(")")[2].split()[1]
        return (entry / "comm").read_text() == "init\n" and (
            Path("/proc", parent, "comm").read_text() == f"{name}\n"
        )
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_no_console_no_login(operator):
    """Without console=ttyO2 the board is silent: nothing printed, nothing echoed."""
    commands = (
        "fatload mmc 0:3 0x80200000 uImage",
        "setenv bootargs 'root=/dev/mmcblk0p5'",
        "bootm 0x80200000",
    )
    board = operator()
    board.start_kernel(commands)
    board.expect("booting the kernel.\r\n")
    board.type("root\r")
    assert board.silent(0.3)


def test_missing_root_is_a_panic(operator):
    """A root that the card does not have is a panic on the console."""
    board = operator()
    board.start_kernel(
        [
            "fatload mmc 0:3 0x80200000 uImage",
            "setenv bootargs 'console=ttyO2,115200n8 root=/dev/mmcblk0p9 rootwait'",
            "bootm 0x80200000",
        ]
    )
    board.expect(
        "Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(179,9)"
    )
