"""The limit of concurrent boots."""

from __future__ import annotations

import threading

import pytest

from lava_dispatcher_multinode.boards.boot_slots import BootSlots
from lava_dispatcher_multinode.deadline import Deadline
from lava_dispatcher_multinode.errors import ActionTimeout, Cancelled


def test_the_number_of_slots_is_a_limit():
    """The next boot starts when a slot is released, not before."""
    slots = BootSlots(2)
    release, started, done = threading.Event(), threading.Semaphore(0), []
    active, most = [], []
    lock = threading.Lock()

    def boot(number):
        with slots.acquire(Deadline(30, "test")):
            with lock:
                active.append(number)
                most.append(len(active))
            started.release()
            release.wait(30)
            with lock:
                active.remove(number)
        done.append(number)

    threads = [threading.Thread(target=boot, args=(n,)) for n in range(5)]
    for thread in threads:
        thread.start()
    assert started.acquire(timeout=30)
    assert started.acquire(timeout=30)
    assert not started.acquire(blocking=False)
    release.set()
    for thread in threads:
        thread.join(30)
    assert sorted(done) == [0, 1, 2, 3, 4]
    assert max(most) == 2


def test_a_failed_boot_releases_its_slot():
    """An exception ends the context like a return."""
    slots = BootSlots(1)
    with pytest.raises(ZeroDivisionError), slots.acquire(Deadline(30, "test")):
        raise ZeroDivisionError
    with slots.acquire(Deadline(30, "test")):
        pass


def test_waiting_ends_with_the_deadline():
    """A group too large for its timeout gets an error that says so."""
    slots = BootSlots(1)
    with slots.acquire(Deadline(30, "test")):
        short = Deadline(0.05, "the job's timeout")
        waiting = pytest.raises(ActionTimeout, match="waiting for other boards")
        with waiting, slots.acquire(short):
            pass


def test_a_cancelled_run_ends_the_wait():
    """The holder ends at once, which wakes the waiter."""
    slots, cancelled = BootSlots(1), threading.Event()
    errors = []

    def wait():
        try:
            with slots.acquire(Deadline(30, "test", cancelled)):
                pass
        except Cancelled as error:
            errors.append(error)

    with slots.acquire(Deadline(30, "test", cancelled)):
        thread = threading.Thread(target=wait)
        thread.start()
        cancelled.set()
    thread.join(10)
    assert errors
