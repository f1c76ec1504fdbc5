"""bench/channel_noise.py in small: calls over seeded bad lines, each exactly once.

The shell at the far end gets garbage to run: it is a simulated board's, in namespaces
of its own, and where there are none these tests are skipped.
"""

from __future__ import annotations

import collections
import random
import sys
from pathlib import Path

import pytest

from lava_dispatcher_multinode.errors import InfrastructureError

from ..needs import require

BENCH = Path(__file__).parents[2] / "bench"
pytestmark = pytest.mark.needs("user namespaces")


@pytest.fixture(scope="module")
def rig():
    """Return the benchmark as a module."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(BENCH)
        import channel_noise

        yield channel_noise
        for name in ("channel_noise", "bad_line"):
            sys.modules.pop(name)


@pytest.fixture
def survives(rig, tmp_path):
    """Return a function that makes calls over a bad line and fails on any loss or damage."""

    def survives(**options):
        require(options.get("shell", "dash"))
        counts = rig.run(tmp_path, timeout=100, **options)
        assert rig.good(counts), counts
        assert any(counts.get(f"{what} from the board") for what in ("lost", "altered"))
        return counts

    return survives


@pytest.mark.slow
def test_noise(survives):
    """Calls survive kernel messages, lost and altered characters, wraps, delays and echoes."""
    counts = survives(calls=300, seed=3, longest=20_000)
    assert counts["lost to the board"] + counts["altered to the board"] > 0
    assert counts["frames to the board sent again"] > 0


@pytest.mark.slow
@pytest.mark.parametrize("shell", ["busybox", "bash", "mksh", "yash", "posh"])
def test_noise_under_every_shell(survives, shell):
    """Under every shell, no call is lost or duplicated on such a line."""
    survives(calls=60, seed=4, longest=1000, shell=shell)


@pytest.mark.slow
@pytest.mark.parametrize(("fifo", "calls"), [(0, 100), (16, 20)])
def test_slow_line(survives, fifo, calls):
    """Calls survive a UART that overruns at 115200 baud, without and with flow control."""
    counts = survives(calls=calls, seed=4, baud=115200, longest=300, fifo=fifo)
    if not fifo:
        assert counts["bytes lost: UART overrun"] > 0


@pytest.mark.slow
def test_slowest_line(survives):
    """Calls survive a UART that overruns at 9600 baud."""
    survives(calls=10, seed=5, baud=9600, longest=60, fifo=16)


@pytest.mark.slow
def test_the_rig_finds_what_is_lost(rig, tmp_path, monkeypatch):
    """The benchmark detects a dispatcher that forgets which requests it has answered."""
    from lava_dispatcher_multinode.testshell import channel

    monkeypatch.setattr(channel, "MAX_CLOSED", 0)
    # The lost replies depend on timing: one run in eight loses none that matters.
    for seed in range(3, 11):
        directory = tmp_path / str(seed)
        directory.mkdir()
        counts = rig.run(directory, calls=150, seed=seed, longest=80, timeout=60)
        if counts["duplicated"]:
            break
    assert counts["duplicated"] > 0
    assert not rig.good(counts)


def test_the_same_seed_is_the_same_noise(rig):
    """The injected faults occur and are reproducible for a seed."""
    spoilt = [
        rig.bad_line.Faults(1, kernel=True).spoil(b"some line of text\n" * 2000) for _ in range(2)
    ]
    assert spoilt[0] == spoilt[1]
    faults = rig.bad_line.Faults(1, kernel=True)
    faults.spoil(b"some line of text\n" * 2000)
    assert 40 < faults.counts["lost"] + faults.counts["altered"] < 120
    assert 8 < faults.counts["kernel messages"] < 40


def test_the_uart_overruns(rig):
    """While interrupts are off, the UART keeps sixteen bytes and loses the others."""
    counts = collections.Counter()
    uart = rig.bad_line.Uart(random.Random(1), counts)
    uart.next_blind = 1e12
    uart.blind(100.0, 1.0)
    assert uart.receive(b"x" * 40, 100.0, 100.5) == b""
    assert uart.receive(b"y", 101.4, 101.5) == b"x" * 16 + b"y"
    assert counts["bytes lost: UART overrun"] == 24


def test_no_walls_no_run(rig, tmp_path, monkeypatch):
    """Without namespaces for the boards, the benchmark refuses to run."""
    monkeypatch.setattr(rig, "SimulatedLab", refuse)
    with pytest.raises(InfrastructureError, match="namespaces"):
        rig.run(tmp_path, calls=1, seed=1)


def refuse(_directory, *, confinement):
    """A stand-in for a lab on a host that forbids namespaces."""
    assert confinement == "namespaces"
    raise InfrastructureError("namespaces: forbidden here")
