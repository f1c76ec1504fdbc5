"""Death strings are found wherever the stream is cut, and nowhere else."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lava_dispatcher_multinode.console.death import KERNEL, RESET, DeathWatch

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
    assert DeathWatch((*KERNEL, *RESET)).feed(text) is None


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
    found = DeathWatch((*KERNEL, *RESET)).feed(line)
    assert found
    assert line.strip().decode().endswith(found)


def test_a_panic_in_the_middle_of_a_line():
    """The kernel prints wherever the cursor is: behind a prompt, say."""
    line = b"panda01 login: [    6.734019] Kernel panic - not syncing: Fatal exception\r\n"
    assert DeathWatch(KERNEL).feed(line) == "Kernel panic - not syncing: Fatal exception"


def test_a_line_that_stops_short_is_known():
    """A board that dies before the end of the line has died all the same."""
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
