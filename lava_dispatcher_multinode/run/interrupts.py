"""Signals that end a run: from Ctrl-C, a closed terminal or a service manager."""

from __future__ import annotations

import signal
import socket
import sys
import threading
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def raise_once() -> None:
    """Raise KeyboardInterrupt on a signal, unless one is already being handled.

    Python drops exceptions inside some callbacks, such as those of imports; the next signal
    then raises again.
    """
    _install(_raise_once)


def raise_each() -> None:
    """Raise KeyboardInterrupt on every signal: a second one ends the handling of the first."""
    _install(signal.default_int_handler)


def ignore_signals() -> None:
    """Ignore signals from now on."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def _install(handler: Callable[[int, FrameType | None], object]) -> None:
    for number in SIGNALS:
        # Ignored signals (nohup, background job) stay ignored.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, handler)


def _raise_once(_number: int, _frame: FrameType | None) -> None:
    if not isinstance(sys.exc_info()[1], KeyboardInterrupt):
        raise KeyboardInterrupt


class SignalSafeQueue:
    """A queue of items for one reader, which a signal always wakes (self-pipe).

    Python's own queues wait for a lock: a signal that arrives just before the wait begins, or in
    another thread, is seen when the wait is over, which may be never. This reader waits for a
    byte, which signal.set_wakeup_fd sends to `waker` on every signal.
    """

    def __init__(self) -> None:
        self._items: deque[str | None] = deque()
        self._sleeper, self._waker = socket.socketpair()
        self._waker.setblocking(False)

    @property
    def waker(self) -> int:
        """The descriptor that wakes the reader."""
        return self._waker.fileno()

    def put(self, item: str | None) -> None:
        """Add an item; callable from any thread and from a signal handler."""
        self._items.append(item)
        with suppress(OSError):  # full: the reader wakes anyway; closed: there is no reader
            self._waker.send(b"x")

    def get(self) -> str | None:
        """Return the oldest item; wait for one."""
        while not self._items:
            self._sleeper.recv(4096)
        return self._items.popleft()

    def close(self) -> None:
        """Close the descriptors."""
        self._sleeper.close()
        self._waker.close()


class Interruptions:
    """Signals as KeyboardInterrupt until `defer`, then as None in `queue`.

    KeyboardInterrupt can be raised anywhere: inside `Thread.join` it makes Python 3.11
    believe that the thread has ended. While nodes run, the main thread therefore reads
    signals from the queue. `final`: ignore signals after the context, until the process ends.
    """

    def __init__(self, *, final: bool = False) -> None:
        self.queue = SignalSafeQueue()
        self._final = final
        self._deferred = False
        self._raised = False  # a signal has become a KeyboardInterrupt
        self._previous_waker = -1
        self._previous_handlers: dict[int, object] = {}

    def defer(self) -> None:
        """Queue signals from now on, and one whose exception Python has dropped."""
        self._deferred = True
        if self._raised:
            self.queue.put(None)

    def interrupt(self) -> None:
        """Interrupt the running nodes as a signal does; callable from any thread."""
        self.queue.put(None)

    def __enter__(self) -> Self:
        # Python allows this in the main thread only, where signals arrive.
        if threading.current_thread() is threading.main_thread():
            self._previous_waker = signal.set_wakeup_fd(
                self.queue.waker, warn_on_full_buffer=False
            )
            for number in SIGNALS:
                if signal.getsignal(number) is not signal.SIG_IGN:
                    self._previous_handlers[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        if threading.current_thread() is threading.main_thread():
            signal.set_wakeup_fd(self._previous_waker)
        for number, handler in self._previous_handlers.items():
            signal.signal(number, signal.SIG_IGN if self._final else handler)  # type: ignore[arg-type]
        self.queue.close()

    def _handle(self, _number: int, _frame: FrameType | None) -> None:
        if self._deferred or self._raised:
            self.queue.put(None)
            return
        self._raised = True
        raise KeyboardInterrupt
