"""Signals raise KeyboardInterrupt before there are nodes, and are queued from then on."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading

import pytest

from lava_dispatcher_multinode.run.interrupts import (
    SIGNALS,
    Interruptions,
    SignalSafeQueue,
    raise_once,
)


@pytest.fixture(autouse=True)
def _handlers():
    """Restore the signal handlers of the test process."""
    before = [(number, signal.getsignal(number)) for number in SIGNALS]
    yield
    for number, handler in before:
        signal.signal(number, handler)


def _kill(number):
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", SIGNALS)
def test_before_hold_it_is_a_keyboard_interrupt(number):
    """Before there are nodes, a signal raises KeyboardInterrupt."""
    with Interruptions(), pytest.raises(KeyboardInterrupt):
        _kill(number)


@pytest.mark.parametrize("number", SIGNALS)
def test_after_hold_it_is_news(number):
    """Later signals are queued and raise no exception."""
    with Interruptions() as interruptions:
        interruptions.defer()
        _kill(number)
        _kill(number)
        assert interruptions.queue.get() is None
        assert interruptions.queue.get() is None


def test_handlers_are_put_back():
    """The caller's signal handlers are restored."""
    before = [signal.getsignal(number) for number in SIGNALS]
    with Interruptions():
        pass
    assert [signal.getsignal(number) for number in SIGNALS] == before


def test_what_is_ignored_stays_ignored():
    """Signals ignored by nohup stay ignored."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    raise_once()
    with Interruptions():
        _kill(signal.SIGHUP)


@pytest.mark.parametrize("number", SIGNALS)
def test_the_second_does_not_cut_short_what_the_first_asked_for(number):
    """Repeated Ctrl-C does not interrupt the cleanup."""
    raise_once()
    tidied = False
    with pytest.raises(KeyboardInterrupt):
        try:
            _kill(number)
        finally:
            for again in SIGNALS:
                _kill(again)
            tidied = True
    assert tidied


def test_what_python_has_dropped_is_not_lost():
    """An exception lost in a callback does not lose the interrupt."""
    raise_once()
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            _kill(signal.SIGINT)
    with Interruptions() as interruptions:
        with contextlib.suppress(KeyboardInterrupt):
            _kill(signal.SIGINT)
        interruptions.defer()
        assert interruptions.queue.get() is None


def test_a_run_that_is_starting_is_interrupted_once():
    """A second signal does not interrupt the end of a run."""
    with Interruptions():
        with pytest.raises(KeyboardInterrupt):
            _kill(signal.SIGINT)
        _kill(signal.SIGINT)


def test_after_the_final_run_nothing_is_interrupted():
    """The release of boards and the summary are not interrupted."""
    with Interruptions(final=True):
        pass
    for number in SIGNALS:
        _kill(number)


def test_items_come_in_their_order():
    """The queue keeps the order of all items, None included."""
    queue = SignalSafeQueue()
    thread = threading.Thread(target=lambda: [queue.put(item) for item in ("a", None, "b")])
    thread.start()
    assert [queue.get() for _ in range(3)] == ["a", None, "b"]
    thread.join()
    queue.close()


def test_thousands_do_not_fill_it():
    """Adding an item never blocks: signal handlers do it."""
    queue = SignalSafeQueue()
    for number in range(5000):
        queue.put(str(number))
    assert [queue.get() for _ in range(5000)] == [str(number) for number in range(5000)]
    queue.close()


def test_items_after_the_end_are_ignored():
    """Items added after the end are ignored."""
    queue = SignalSafeQueue()
    queue.close()
    queue.put("late")


SIGNALLED = """
import signal, threading, os
from lava_dispatcher_multinode.run.interrupts import Interruptions
with Interruptions() as interruptions:
    interruptions.defer()
    # To another thread than the one that waits: the kernel may choose any.
    def send():
        signal.pthread_kill(threading.get_ident(), signal.SIGTERM)
    for _ in range(50):
        thread = threading.Thread(target=send)
        thread.start()
        assert interruptions.queue.get() is None
        thread.join()
"""


def test_a_signal_to_another_thread_wakes_the_reader():
    """A signal delivered to another thread wakes the reader."""
    environ = {**os.environ, "PYTHONDEVMODE": "1"}
    done = subprocess.run([sys.executable, "-c", SIGNALLED], env=environ, timeout=60, check=False)
    assert done.returncode == 0
