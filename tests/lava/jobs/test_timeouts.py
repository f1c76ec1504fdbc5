"""LAVA's times, and seconds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lava_dispatcher_multinode.lava.jobs.timeouts import seconds, timeout


def test_times_in_lavas_forms():
    """Several units add up; `skip` is none."""
    assert seconds({"hours": 1, "minutes": 2, "seconds": 3, "skip": True}) == 3723
    assert timeout(300) == {"minutes": 5}
    assert timeout(90) == {"seconds": 90}
    assert timeout(0.2) == {"seconds": 1}


@given(st.floats(0.001, 10**8))
def test_times_there_and_back(value):
    """Never shorter than asked for, and less than a second longer."""
    written = timeout(value)
    assert len(written) == 1
    assert value <= seconds(written) < max(value + 1, 1.001)
