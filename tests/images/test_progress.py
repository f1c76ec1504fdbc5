"""Progress reports of long transfers."""

import pytest

from lava_dispatcher_multinode.deadline import Deadline
from lava_dispatcher_multinode.errors import ActionTimeout
from lava_dispatcher_multinode.images import progress
from lava_dispatcher_multinode.images.progress import ProgressReporter


class Clock:
    """A clock under the control of the test."""

    now = 100.0

    def monotonic(self):
        """Return its time."""
        return self.now


@pytest.fixture
def clock(monkeypatch):
    """The clock of the reporter, not of the deadline."""
    made = Clock()
    monkeypatch.setattr(progress, "time", made)
    return made


def test_a_report_every_five_seconds(clock):
    """The first report comes after five seconds, and then one per five seconds."""
    steps: list[str] = []
    reporter = ProgressReporter("writing the card", steps.append, Deadline(60, "test"))
    for seconds, done in ((0, 1), (4.9, 2), (0.1, 3_400_000), (0.1, 5), (4.9, 6_600_000)):
        clock.now += seconds
        reporter.report(done, 10_000_000)
    assert steps == ["writing the card: 3 of 10 MB", "writing the card: 7 of 10 MB"]


@pytest.mark.parametrize("total", [None, 0])
def test_unknown_totals(clock, total):
    """Without a total, the report has the done bytes alone."""
    steps: list[str] = []
    reporter = ProgressReporter("fetching x", steps.append, Deadline(60, "test"))
    clock.now += 5
    reporter.report(2_000_000, total)
    assert steps == ["fetching x: 2 MB"]


def test_the_deadline_ends_the_transfer(clock):
    """The deadline is applied at every call, also between reports."""
    with pytest.raises(ActionTimeout, match="fetching x"):
        ProgressReporter("fetching x", lambda _: None, Deadline(0, "test")).report(1, 2)
