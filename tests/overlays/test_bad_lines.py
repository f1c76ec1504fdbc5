"""The rig of bench/channel_noise.py: its faults happen, and are the same for a seed.

The rig itself is not run here: on a bad line a shell gets garbage to run, and it
has no walls around it yet.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

BENCH = Path(__file__).parents[2] / "bench" / "channel_noise.py"


@pytest.fixture(scope="module")
def rig():
    """Return the bench as a module."""
    spec = importlib.util.spec_from_file_location("channel_noise", BENCH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_rig_that_cannot_find_anything_is_none(rig):
    """The rig's own faults happen, and are the same each time for a seed."""
    spoilt = [rig.Faults(1, kernel=True).spoil(b"some line of text\n" * 2000) for _ in range(2)]
    assert spoilt[0] == spoilt[1]
    faults = rig.Faults(1, kernel=True)
    faults.spoil(b"some line of text\n" * 2000)
    assert 40 < faults.counts["lost"] + faults.counts["altered"] < 120
    assert 8 < faults.counts["kernel messages"] < 40


def test_the_uart_overruns(rig):
    """While interrupts are off sixteen bytes are kept; those after them are lost."""
    import collections
    import random

    counts = collections.Counter()
    uart = rig.Uart(random.Random(1), counts)
    uart.next_blind = 1e12
    uart.blind(100.0, 1.0)
    assert uart.receive(b"x" * 40, 100.0, 100.5) == b""
    assert uart.receive(b"y", 101.4, 101.5) == b"x" * 16 + b"y"
    assert counts["bytes lost: UART overrun"] == 24
