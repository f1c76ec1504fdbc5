"""Signals that end a run: Ctrl-C, a closed terminal, a service manager."""

from __future__ import annotations

import signal
import sys
import threading
from typing import TYPE_CHECKING, Self

from .news import SignalSafeQueue

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def hear_once() -> None:
    """Make a signal a KeyboardInterrupt, but not while one is on its way out already.

    Python drops what is raised inside some callbacks, of imports say; then the next one counts.
    """
    _hear(_raise)


def hear_each() -> None:
    """Make every signal a KeyboardInterrupt: a second one ends what the first has begun."""
    _hear(signal.default_int_handler)


def hear_no_more() -> None:
    """Ignore signals: there is nothing left that could be interrupted."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def _hear(handler: Callable[[int, FrameType | None], object]) -> None:
    for number in SIGNALS:
        # What is ignored (nohup, a job in the background) stays so.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, handler)


def _raise(_number: int, _frame: FrameType | None) -> None:
    if not isinstance(sys.exc_info()[1], KeyboardInterrupt):
        raise KeyboardInterrupt


class Interruptions:
    """Until `hold`, a signal is a KeyboardInterrupt; from then on a line in `news`.

    An exception may come anywhere: inside `Thread.join` it makes Python 3.11
    believe that the thread has ended. So while there are nodes the main thread
    learns of signals only where it looks for them.

    `news` gets None for a signal, and whatever others put there. `final`: what comes
    after it, in this process, is no more to be interrupted.
    """

    def __init__(self, *, final: bool = False) -> None:
        self.news = SignalSafeQueue()
        self._final = final
        self._held = False
        self._asked = False  # a signal has come
        self._woken = -1  # the descriptor that signals woke before
        self._before: dict[int, object] = {}

    def hold(self) -> None:
        """Turn signals into news from now on, also one whose exception Python has dropped."""
        self._held = True
        if self._asked:
            self.news.put(None)

    def interrupt(self) -> None:
        """Do what a signal does to nodes that run; for whoever has the run in a thread."""
        self.news.put(None)

    def __enter__(self) -> Self:
        # Only the main thread may, and only there do signals arrive.
        if threading.current_thread() is threading.main_thread():
            self._woken = signal.set_wakeup_fd(self.news.waker, warn_on_full_buffer=False)
            for number in SIGNALS:
                if signal.getsignal(number) is not signal.SIG_IGN:
                    self._before[number] = signal.signal(number, self._arrived)
        return self

    def __exit__(self, *_: object) -> None:
        if threading.current_thread() is threading.main_thread():
            signal.set_wakeup_fd(self._woken)
        for number, handler in self._before.items():
            signal.signal(number, signal.SIG_IGN if self._final else handler)  # type: ignore[arg-type]
        self.news.close()

    def _arrived(self, _number: int, _frame: FrameType | None) -> None:
        if self._held or self._asked:
            self.news.put(None)
            return
        self._asked = True  # raised once only: it is on its way out then
        raise KeyboardInterrupt
