"""Whose turn it is to boot."""

from __future__ import annotations

import threading

import pytest

from lava_dispatcher_multinode.boards.boot_slots import Turns
from lava_dispatcher_multinode.deadline import Deadline
from lava_dispatcher_multinode.errors import ActionTimeout, Cancelled


def test_no_more_than_so_many_at_once():
    """The next gets its turn when one is given back, and not before."""
    turns = Turns(2)
    release, in_turn, done = threading.Event(), threading.Semaphore(0), []
    active, most = [], []
    lock = threading.Lock()

    def boot(number):
        with turns.turn(Deadline(30, "test")):
            with lock:
                active.append(number)
                most.append(len(active))
            in_turn.release()
            release.wait(30)
            with lock:
                active.remove(number)
        done.append(number)

    threads = [threading.Thread(target=boot, args=(n,)) for n in range(5)]
    for thread in threads:
        thread.start()
    assert in_turn.acquire(timeout=30)
    assert in_turn.acquire(timeout=30)
    assert not in_turn.acquire(blocking=False)
    release.set()
    for thread in threads:
        thread.join(30)
    assert sorted(done) == [0, 1, 2, 3, 4]
    assert max(most) == 2


def test_a_failed_boot_gives_its_turn_back():
    """Whatever ends the context."""
    turns = Turns(1)
    with pytest.raises(ZeroDivisionError), turns.turn(Deadline(30, "test")):
        raise ZeroDivisionError
    with turns.turn(Deadline(30, "test")):
        pass


def test_waiting_ends_with_the_deadline():
    """A group that is too large for its time limit is told so."""
    turns = Turns(1)
    with turns.turn(Deadline(30, "test")):
        short = Deadline(0.05, "the job's timeout")
        waiting = pytest.raises(ActionTimeout, match="waiting for other boards")
        with waiting, turns.turn(short):
            pass


def test_a_cancelled_run_waits_for_nobody():
    """Who has a turn ends at once then, and who waits is woken by that."""
    turns, cancelled = Turns(1), threading.Event()
    errors = []

    def wait():
        try:
            with turns.turn(Deadline(30, "test", cancelled)):
                pass
        except Cancelled as error:
            errors.append(error)

    with turns.turn(Deadline(30, "test", cancelled)):
        thread = threading.Thread(target=wait)
        thread.start()
        cancelled.set()
    thread.join(10)
    assert errors
