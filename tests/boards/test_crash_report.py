"""The crash report of a board, with the panic of a real kernel."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lava_dispatcher_multinode.boards.bootloaders.u_boot_messages import BANNERS
from lava_dispatcher_multinode.boards.crash_report import (
    FIRST_LINES,
    LAST_LINES,
    with_crash_report,
)
from lava_dispatcher_multinode.console.death_strings import DOWN, KERNEL
from lava_dispatcher_multinode.errors import BoardDied, KernelCrashed

PANIC = Path(__file__).parents[1] / "data" / "consoles" / "kernel-panic.raw"


def death(console):
    """Return the exception that ends a read of `console`."""
    with pytest.raises(BoardDied) as caught:
        while True:
            console.read(10)
    return caught.value


def watched(console_of, script):
    """Return a console that looks for death strings, with the output of a script."""
    console = console_of(f"stty raw -echo; read go; {script}")
    console.watch((*KERNEL, *BANNERS, *DOWN))
    console.write(b"\n")
    return console


def test_the_report_has_the_first_and_last_lines_of_a_panic(console_of):
    """It has the oops, the panic and the place, but not all fifty lines."""
    start = PANIC.read_bytes().index(b"Starting kernel")
    console = watched(console_of, f"tail -c +{start} {PANIC}; sleep 60")
    error = with_crash_report(
        console, death(console), "while it booted", "infrastructure", BANNERS
    )
    assert isinstance(error, BoardDied)
    head, *lines = str(error).splitlines()
    assert head == (
        "the board died while it booted: Unable to handle kernel paging request at virtual "
        "address 2f28a000; Kernel panic - not syncing: Fatal exception in interrupt"
    )
    assert len(lines) == FIRST_LINES + 1 + LAST_LINES
    assert any("PC is at sun8i_dwmac_dma_interrupt" in line for line in lines)
    assert re.search(r"\d+ lines more", lines[FIRST_LINES])
    assert lines[-1].endswith(
        "---[ end Kernel panic - not syncing: Fatal exception in interrupt ]---"
    )


def test_the_device_file_classifies_crashes(console_of):
    """If kernels are under test, a crash is a test failure."""
    console = watched(
        console_of, "printf '[    1.000000] kernel BUG at mm/slub.c:1!\\r\\n'; sleep 60"
    )
    error = with_crash_report(console, death(console), "while tests ran", "test", BANNERS)
    assert isinstance(error, KernelCrashed)
    assert (error.status, error.error_type, error.exit_code) == ("fail", "test", 1)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("U-Boot SPL 2023.01+dfsg-2", "the board restarted while tests ran: U-Boot SPL 2023"),
        ("[   99.000000] reboot: Power down", "the board was shut down while tests ran"),
        ("[    9.1] watchdog: BUG: soft lockup - CPU#0 stuck for 22s!", None),
        ("[    9.100000] watchdog: BUG: soft lockup - CPU#0 stuck!", "the board died while"),
    ],
)
def test_restarts_and_shutdowns_have_names(console_of, line, said):
    """The start of the line decides; similar text elsewhere does not."""
    console = watched(console_of, f"printf '\\r\\n%s\\r\\n' '{line}'; sleep 60")
    if said is None:
        console.read(10)
        assert console.read(0.2) == b""
    else:
        assert str(
            with_crash_report(console, death(console), "while tests ran", "", BANNERS)
        ).startswith(said)
