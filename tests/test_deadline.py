"""Deadlines: waits are limited to the remaining time, and messages name the limit."""

from __future__ import annotations

import threading

import pytest

from lava_dispatcher_multinode.deadline import Deadline
from lava_dispatcher_multinode.errors import ActionTimeout, Cancelled


def test_a_wait_is_cut_to_what_is_left():
    """A step has its own limit, but no more than the action's remaining time."""
    deadline = Deadline(5.0, "the job's timeout")
    assert deadline.within(1.0) == 1.0
    assert 0 < deadline.within(100.0) <= 5.0


def test_an_expired_deadline_names_its_limit():
    """The message names the slow step and where its limit is set."""
    deadline = Deadline(0.0, "the timeout of boot_linaro_image")
    with pytest.raises(ActionTimeout, match="within 0 s .the timeout of boot_linaro_image.: boot"):
        deadline.check("boot")
    with pytest.raises(ActionTimeout):
        deadline.within(1.0)


def test_the_limit_that_ends_first_is_the_one_named():
    """A part that outlasts the whole ends with it and names the whole's limit."""
    action = Deadline(5.0, "the job's timeout, job.json")
    boot = action.part(2.0, "boot.timeout")
    assert str(boot) == "2 s (boot.timeout)"
    assert boot.part(60.0, "boot.kernel_timeout") is boot
    assert 0 < boot.left <= 2.0


def test_a_cancelled_run_ends_every_part():
    """After an interrupt, checks raise Cancelled and not ActionTimeout."""
    cancelled = threading.Event()
    part = Deadline(5.0, "job", cancelled).part(2.0, "boot.timeout")
    cancelled.set()
    with pytest.raises(Cancelled):
        part.check()
