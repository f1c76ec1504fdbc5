"""The queue that the main thread of a run waits at."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

from lava_dispatcher_multinode.run.news import SignalSafeQueue


def test_items_come_in_their_order():
    """Nothing is lost, whoever puts it, and None is an item like others."""
    news = SignalSafeQueue()
    thread = threading.Thread(target=lambda: [news.put(item) for item in ("a", None, "b")])
    thread.start()
    assert [news.get() for _ in range(3)] == ["a", None, "b"]
    thread.join()
    news.close()


def test_thousands_do_not_fill_it():
    """Whoever puts must not wait: it may be a signal's handler."""
    news = SignalSafeQueue()
    for number in range(5000):
        news.put(str(number))
    assert [news.get() for _ in range(5000)] == [str(number) for number in range(5000)]
    news.close()


def test_what_comes_after_the_end_harms_nobody():
    """A node's last word, or a Ctrl-C, may be late."""
    news = SignalSafeQueue()
    news.close()
    news.put("late")


SIGNALLED = """
import signal, threading, os
from lava_dispatcher_multinode.run.interrupts import Interruptions
with Interruptions() as interruptions:
    interruptions.hold()
    # To another thread than the one that waits: the kernel may choose any.
    def send():
        signal.pthread_kill(threading.get_ident(), signal.SIGTERM)
    for _ in range(50):
        thread = threading.Thread(target=send)
        thread.start()
        assert interruptions.news.get() is None
        thread.join()
"""


def test_a_signal_to_another_thread_wakes_the_reader():
    """SIGTERM must end a run whichever thread the kernel gives it to."""
    environ = {**os.environ, "PYTHONDEVMODE": "1"}
    done = subprocess.run([sys.executable, "-c", SIGNALLED], env=environ, timeout=60, check=False)
    assert done.returncode == 0
