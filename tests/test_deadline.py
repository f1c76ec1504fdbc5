"""Deadlines: waits are cut to what is left, and the message says which limit it was."""

from __future__ import annotations

import pytest

from lava_dispatcher_multinode.deadline import Deadline
from lava_dispatcher_multinode.errors import ActionTimeout


def test_a_wait_is_cut_to_what_is_left():
    """A step may take its own time, but not more than the action has."""
    deadline = Deadline(5.0, "the job's timeout")
    assert deadline.within(1.0) == 1.0
    assert 0 < deadline.within(100.0) <= 5.0


def test_an_expired_deadline_names_its_limit():
    """The user learns what was too slow, and where the limit is set."""
    deadline = Deadline(0.0, "the timeout of boot_linaro_image")
    with pytest.raises(ActionTimeout, match="within 0 s .the timeout of boot_linaro_image.: boot"):
        deadline.check("boot")
    with pytest.raises(ActionTimeout):
        deadline.within(1.0)
