"""The console of one board: a thread that always reads, and a buffer for one reader."""

from __future__ import annotations

import math
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..errors import BoardDied, ConsoleError, ConsoleTaken, MultinodeError
from .death_strings import DeathWatch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from .transcript import Transcript
    from .transport import BoardPower, Transport

#: Unread output that is kept. Above it, the oldest is dropped (it is in console.raw) or,
#: inside `lossless`, the far end has to wait.
BUFFER_BYTES = 4 << 20
MAX_READ_BYTES = 256 << 10
REST_OF_LINE_S = 0.5  # for the end of a line with a death string


class Console:
    """Bytes to and from one board.

    A thread, the pump, reads the transport all the time, so that the port is drained also
    without a reader. It writes the transcript, detects death strings and fills the buffer for
    `read`.
    """

    def __init__(
        self, transport: Transport, transcript: Transcript, *, character_delay: float = 0.0
    ) -> None:
        self.name = transport.name
        self._transport = transport
        self._transcript = transcript
        self._delay = character_delay
        self._changed = threading.Condition()  # guards the next eight attributes
        self._buffer = bytearray()
        self._woken = False
        self._failure: MultinodeError | None = None  # raised once the buffer is empty
        self.taken: ConsoleTaken | None = None  # another client holds the port
        self._lossless = 0  # number of active `lossless` contexts
        self._closing = False
        self._watch: DeathWatch | None = None
        self._on_death: Callable[[BoardDied], None] | None = None
        self._dead_at = math.inf  # when to stop waiting for the rest of a death string's line
        self._writing = threading.Lock()
        self._pump = threading.Thread(target=self._run, name=f"pump {self.name}", daemon=True)
        self._pump.start()

    def read(self, timeout: float) -> bytes:
        """Return the bytes that arrived; b"" after `timeout` seconds or a `wake`.

        Raises `BoardDied` or `ConsoleError` after everything that preceded it was read.
        """
        deadline = time.monotonic() + timeout
        with self._changed:
            while not self._buffer:
                if self._woken:
                    self._woken = False
                    return b""
                if self._failure is not None:
                    raise self._failure
                now = time.monotonic()
                if now >= self._dead_at:
                    self._end()
                elif now >= deadline:
                    return b""
                else:
                    self._changed.wait(min(deadline, self._dead_at) - now)
            data = bytes(self._buffer[:MAX_READ_BYTES])
            del self._buffer[:MAX_READ_BYTES]
            self._changed.notify_all()
        return data

    def write(self, data: bytes) -> None:
        """Send all of `data`; one caller at a time."""
        with self._writing:
            if not self._delay:
                self._transport.write(data)
                return
            for position in range(len(data)):  # the board reads its UART slowly
                self._transport.write(data[position : position + 1])
                time.sleep(self._delay)

    def wake(self) -> None:
        """Make a `read` in progress, or the next one, return b""."""
        with self._changed:
            self._woken = True
            self._changed.notify_all()

    def fail(self, error: MultinodeError) -> None:
        """Make every `read` raise `error` from now on, for example when the run is over."""
        with self._changed:
            self._buffer.clear()
            self._failure = error
            self._changed.notify_all()

    def forget(self) -> None:
        """Drop unread output, and a death that was detected in it."""
        with self._changed:
            self._buffer.clear()
            self._set_watch(self._watch)
            if isinstance(self._failure, BoardDied):
                self._failure = None
            self._changed.notify_all()

    def watch(self, patterns: Iterable[str] | None) -> None:
        """Treat lines that match one of `patterns` as the board's death; None: no line.

        A match ends every read with `BoardDied`, also without a reader at that time. A death
        that was detected earlier remains.
        """
        with self._changed:
            self._set_watch(None if patterns is None else DeathWatch(patterns))

    @contextmanager
    def when_dead(self, callback: Callable[[BoardDied], None]) -> Iterator[None]:
        """Call `callback` once, from any thread, if the board dies within the context.

        For threads that wait for something other than the console.
        """
        with self._changed:
            self._on_death = callback
            if isinstance(self._failure, BoardDied):
                callback(self._failure)
        try:
            yield
        finally:
            with self._changed:
                self._on_death = None

    @contextmanager
    def lossless(self) -> Iterator[None]:
        """Make the far end wait for a slow reader within the context: nothing is dropped."""
        with self._changed:
            self._lossless += 1
        try:
            yield
        finally:
            with self._changed:
                self._lossless -= 1
                self._changed.notify_all()

    def tail(self) -> list[str]:
        """Return the last lines that the board printed, for messages."""
        return self._transcript.tail()

    def tail_from(self, text: str) -> list[str]:
        """Return the kept lines from the last one that contains `text`."""
        return self._transcript.tail_from(text)

    @property
    def connected(self) -> bool:
        """True if the transport is connected; otherwise a `write` waits."""
        return bool(getattr(self._transport, "connected", True))

    def set_power(self, power: BoardPower) -> None:
        """Announce what happens to the board's power: the console may be powered with it."""
        if (announce := getattr(self._transport, "set_power", None)) is not None:
            announce(power)

    def note(self, text: str) -> None:
        """Write a note into console.log."""
        self._transcript.note(text)

    def close(self) -> None:
        """Stop the pump, free the port, finish the transcript; may be called twice."""
        self._transport.close()
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._pump.join()
        self._transport.release()
        self._transcript.close()

    def _run(self) -> None:
        error: MultinodeError = ConsoleError(f"{self.name}: is closed")
        try:
            while data := self._transport.read():
                self._transcript.feed(data)
                self._deliver(data)
        except MultinodeError as failure:
            error = failure
            self.taken = failure if isinstance(failure, ConsoleTaken) else None
        except OSError as failure:  # for example, the disk is full
            error = ConsoleError(f"{self.name}: cannot be recorded: {failure}")
        finally:  # after a bug, too: a reader must not wait for a thread that has ended
            with self._changed:
                self._end(error)

    def _deliver(self, data: bytes) -> None:
        with self._changed:
            while self._lossless and not self._closing and len(self._buffer) > BUFFER_BYTES:
                self._changed.wait()
            self._buffer += data
            if not self._lossless and len(self._buffer) > BUFFER_BYTES:
                del self._buffer[:-BUFFER_BYTES]
            if self._watch is not None and self._failure is None:
                line = self._watch.feed(data)
                if line is not None:
                    self._die(line)
                if not self._watch.unfinished:
                    self._dead_at = math.inf
                elif self._dead_at == math.inf:
                    self._dead_at = time.monotonic() + REST_OF_LINE_S
            self._changed.notify_all()

    def _die(self, line: str) -> None:
        self._failure = death = BoardDied(line)
        if self._on_death is not None:
            self._on_death(death)

    def _set_watch(self, watch: DeathWatch | None) -> None:
        """Watch from now on; earlier output does not count."""
        if watch is not None:
            watch.restart()
        self._watch = watch
        self._dead_at = math.inf

    def _end(self, error: MultinodeError | None = None) -> None:
        """Make reads fail: with an incomplete death string if there is one, else with `error`."""
        if self._failure is None:
            dying = self._watch.unfinished if self._watch is not None else ""
            if dying or error is None:
                self._die(dying)
            else:
                self._failure = error
        self._dead_at = math.inf
        self._changed.notify_all()
