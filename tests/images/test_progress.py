"""How far a long transfer is, told now and then."""

import pytest

from lava_dispatcher_multinode.deadline import Deadline
from lava_dispatcher_multinode.errors import ActionTimeout
from lava_dispatcher_multinode.images import progress
from lava_dispatcher_multinode.images.progress import Meter


class Clock:
    """A clock that goes when a test says so."""

    now = 100.0

    def monotonic(self):
        """Return its time."""
        return self.now


@pytest.fixture
def clock(monkeypatch):
    """The clock of the meter, not of the deadline."""
    made = Clock()
    monkeypatch.setattr(progress, "time", made)
    return made


def test_it_tells_every_five_seconds(clock):
    """Neither at once, which short transfers would always do, nor with each block."""
    steps: list[str] = []
    meters = Meter("writing the card", steps.append, Deadline(60, "test"))
    for seconds, done in ((0, 1), (4.9, 2), (0.1, 3_400_000), (0.1, 5), (4.9, 6_600_000)):
        clock.now += seconds
        meters(done, 10_000_000)
    assert steps == ["writing the card: 3 of 10 MB", "writing the card: 7 of 10 MB"]


@pytest.mark.parametrize("total", [None, 0])
def test_a_total_that_is_not_known_is_not_told(clock, total):
    """A server need not say how much it sends."""
    steps: list[str] = []
    meters = Meter("fetching x", steps.append, Deadline(60, "test"))
    clock.now += 5
    meters(2_000_000, total)
    assert steps == ["fetching x: 2 MB"]


def test_a_time_that_is_over_ends_the_transfer(clock):
    """At the next block, whether or not there is something to tell."""
    with pytest.raises(ActionTimeout, match="fetching x"):
        Meter("fetching x", lambda _: None, Deadline(0, "test"))(1, 2)
