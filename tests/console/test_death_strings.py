"""Death strings are found wherever the stream is cut, and nowhere else."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lava_dispatcher_multinode.boards.bootloaders.u_boot_messages import BANNERS
from lava_dispatcher_multinode.console.death_strings import DOWN, KERNEL, DeathWatch, literal_start

PANIC = b"\r\n[    3.141593] Kernel panic - not syncing: VFS: no root\r\n"


@given(st.lists(st.integers(0, len(PANIC)), max_size=8))
def test_a_panic_is_found_however_it_arrives(cuts):
    """Serial ports hand over any pieces; the line is recognised in all of them."""
    watch = DeathWatch(KERNEL)
    places = [0, *sorted(cuts), len(PANIC)]
    found = [watch.feed(PANIC[a:b]) for a, b in pairwise(places)]
    lines = [line for line in found if line]
    assert lines == ["Kernel panic - not syncing: VFS: no root"]


@pytest.mark.parametrize(
    "text",
    [
        b"grep: no 'Kernel panic - not syncing' in the log\n",
        b"the U-Boot 2013.01 manual\n",
        b"Oops, I did it again\n",
    ],
)
def test_talking_of_a_death_is_none(text):
    """A test may print these words in the middle of a line."""
    assert DeathWatch((*KERNEL, *BANNERS)).feed(text) is None


@pytest.mark.parametrize(
    "line",
    [
        b"U-Boot SPL 2013.01 (Jan 01 2013)\n",
        b"U-Boot 2011.12 (Feb 03 2012 - 10:00:00)\r\n",
        b"<4>[   12.000001] Unable to handle kernel NULL pointer dereference at 00000000\n",
        b"[   12.000001] Internal error: Oops: 17 [#1] SMP\n",
    ],
)
def test_deaths_of_both_boards(line):
    """Reset, oops and bad pointers are all known."""
    found = DeathWatch((*KERNEL, *BANNERS)).feed(line)
    assert found
    assert line.strip().decode().endswith(found)


def test_a_panic_in_the_middle_of_a_line():
    """The kernel prints at any position of a line, for example behind a prompt."""
    line = b"panda01 login: [    6.734019] Kernel panic - not syncing: Fatal exception\r\n"
    assert DeathWatch(KERNEL).feed(line) == "Kernel panic - not syncing: Fatal exception"


def test_a_line_that_stops_short_is_known():
    """An incomplete line with a death string counts after a timeout."""
    watch = DeathWatch(KERNEL)
    assert watch.feed(b"\nKernel panic - not sync") is None
    assert watch.feed(b"ing: no") is None
    assert watch.unfinished == "Kernel panic - not syncing: no"


def test_a_line_without_end_costs_no_memory():
    """A board that prints no newline for hours is searched in bounded memory."""
    watch = DeathWatch(KERNEL)
    for _ in range(100):
        assert watch.feed(b"x" * 10000) is None
    assert len(watch._carry) <= 512


def test_the_beginning_of_a_long_line_is_no_line():
    """The continuation of a long line is not a new line."""
    watch = DeathWatch(KERNEL)
    assert watch.feed(b"x" * 511 + b" ") is None
    assert watch.feed(b"Kernel panic - not syncing: said a test\n") is None


@pytest.mark.parametrize("size", [1, 7, 4096])
def test_a_panic_late_in_a_long_line(size):
    """A progress bar of kilobytes before the panic does not hide it, in whatever pieces."""
    data = b"." * 3000 + PANIC[2:]
    watch = DeathWatch(KERNEL)
    found = [watch.feed(data[at : at + size]) for at in range(0, len(data), size)]
    assert [line for line in found if line] == ["Kernel panic - not syncing: VFS: no root"]


@pytest.mark.parametrize(
    ("pattern", "line"),
    [
        (r"(?i)watchdog bite", b"WATCHDOG BITE at 5\n"),
        (r"^BUG: (soft|hard) lockup", b"BUG: hard lockup\n"),
        (r"(\w)\1\1\1", b"aaaa\n"),
        (r"a*panic", b"panic\n"),
        (r"colou?r", b"color lost\n"),
        (r"x|Guru Meditation", b"Guru Meditation\n"),
        (r"\s+at fault", b"   at fault\n"),
        (r"end$", b"[    1.000000] end\r\n"),
        (r".*fatal", b"so this was fatal\n"),
        (r"über", "über\n".encode()),
    ],
)
def test_any_regular_expression_of_a_device_file(pattern, line):
    """Flags, groups, back references and anchors mean what they mean on one line."""
    assert DeathWatch((*KERNEL, pattern)).feed(b"first\n" + line)
    assert DeathWatch((*KERNEL, pattern)).feed(b"first\n") is None


@pytest.mark.parametrize(
    ("pattern", "start"),
    [
        (r"Kernel panic - not", b"Kernel panic - not"),
        (r"U-Boot \d{4}", b"U-Boot "),
        (r"colou?r", b"colo"),
        (r"ab{0,3}", b"a"),
        (r"ab+", b"ab"),
        (r"one|two", b""),
        (r"(?i)abc", b""),
        (r"\d", b""),
    ],
)
def test_the_literal_start(pattern, start):
    """What is looked for first is never more than all matches have."""
    assert literal_start(pattern) == start


@pytest.mark.parametrize("pattern", [*KERNEL, *BANNERS, *DOWN])
def test_no_own_death_string_costs_a_look_at_every_line(pattern):
    """Each begins with some text, so that what has none of these is passed over as a whole."""
    assert len(literal_start(pattern)) >= 6


def test_a_start_that_may_be_missing():
    """A similar line does not match, and the death string is found with and without it."""
    assert literal_start(r"(?:reboot: )?Power down") == b"Power down"
    for line in (b"reboot: Power down", b"Power down"):
        assert DeathWatch(DOWN).feed(b"\r\n" + line + b"\r\n") == line.decode()


def test_restart_forgets_the_line_that_was_open():
    """After a power cycle, the rest of an earlier panic does not count."""
    watch = DeathWatch(KERNEL)
    assert watch.feed(b"\nKernel panic - not syncing") is None
    watch.restart()
    assert watch.unfinished == ""
    assert watch.feed(b": old\n") is None


@given(st.lists(st.sampled_from([b"\n", b"\r", b"x", b"Kernel ", b"panic", b"[ 1.000000] "])))
def test_the_search_does_not_depend_on_the_pieces(pieces):
    """One byte at a time or all at once: the same first death."""
    data = b"".join(pieces) + b"\n"

    def first(size):
        watch = DeathWatch(["Kernel panic"])
        found = (watch.feed(data[at : at + size]) for at in range(0, len(data), size))
        return next((line for line in found if line), None)

    assert first(1) == first(len(data))


def test_a_line_full_of_time_stamps_is_searched_in_linear_time():
    """A board that prints nothing but stamps, and one deadly word, does not stall its pump."""
    watch = DeathWatch(KERNEL)
    began = time.process_time()
    assert watch.feed(b"[1.000000] " * 200_000 + b"no Kernel panic - not syncing") is None
    assert time.process_time() - began < 10


@pytest.mark.parametrize(
    ("line", "dead"),
    [
        (b"[    3.054060] Internal error: Oops: 5 [#1] SMP THUMB2", True),
        (b"Internal error: undefined instruction: 0 [#2] PREEMPT SMP ARM", True),
        (b"Internal error: cannot open display", False),
        (b"[    9.000000] kernel BUG at mm/slub.c:3926!", True),
        (b"[    9.000000] watchdog: BUG: soft lockup - CPU#0 stuck for 22s! [sh:1]", True),
        (b"[    9.000000] Unhandled fault: alignment exception (0x001) at 0x00000001", False),
    ],
)
def test_what_kernels_die_of_and_programs_live_through(line, dead):
    """A program's own error, and a process that the kernel ends, end no board."""
    assert (DeathWatch(KERNEL).feed(line + b"\r\n") is not None) is dead
