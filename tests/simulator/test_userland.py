"""Programs of boards and the serial line."""

import os
import signal
from pathlib import Path


def test_output_before_a_reboot(operator):
    """Output right before a reboot is not lost."""
    board = operator().boot()
    board.line("seq 1 2000; echo l''ast; reboot -f")
    board.expect("last\r\n")
    assert board.before.endswith("2000\r\n")
    board.expect("Restarting system.")


def test_init_cannot_be_killed(operator):
    """As on any Linux, `kill -9 1` has no effect."""
    board = operator().boot()
    board.line("kill -9 1; exec true")
    board.expect("login: ")


def test_init_that_dies_is_a_panic(operator):
    """If init ends, the kernel panics."""
    board = operator(name=f"dying{os.getpid()}").boot()
    (pid,) = [
        int(entry.name)
        for entry in Path("/proc").iterdir()
        if entry.name.isdecimal() and _is_init_of(entry, board.board.name)
    ]
    os.kill(pid, signal.SIGKILL)
    board.expect("Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000009")


def _is_init_of(entry, name):
    """Return True if a process of the host is the init of the board `name`."""
    try:
        parent = (entry / "stat").read_text().rpartition(")")[2].split()[1]
        return (entry / "comm").read_text() == "init\n" and (
            Path("/proc", parent, "comm").read_text() == f"{name}\n"
        )
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_no_console_no_login(operator):
    """Without console=ttyO2, the board prints and echoes nothing."""
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
    """A root that is not on the card is a panic."""
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
