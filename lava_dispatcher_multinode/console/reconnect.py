"""A transport that reconnects, for a limited time, after its connection is lost."""

from __future__ import annotations

import math
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import ConsoleError, ConsoleTaken
from .transcript import printable
from .transport import IN_USE, BoardPower, ConsoleAbsent, LinkLost, port_taken

if TYPE_CHECKING:
    from collections.abc import Callable

    from .transport import Transport

FIRST_CONNECT_TIMEOUT_S = 30.0
RECONNECT_TIMEOUT_S = 5.0
#: The delay between attempts doubles from the first to the second of these.
MIN_RETRY_DELAY_S = 0.1
MAX_RETRY_DELAY_S = 5.0
MAX_BOOT_RETRY_DELAY_S = 0.5  # after power-on: the countdown of the boot loader is short
#: A link that ends sooner never worked (a misspelt command, a port in use): no retries.
MIN_LINK_S = 2.0
LAST_OUTPUT_BYTES = 200  # shown in an error


class Reconnecting:
    """A transport over a sequence of connections (links).

    `connect` gets its timeout in seconds, and raises `ConsoleError`. A lost link is replaced
    within `seconds` (0: never); a reader and writers wait for that. The unsent rest of a write
    goes through the next link. `on_note` gets notes about lost and new links.

    A console may be powered with its board: `set_power` announces what happens to the power.
    Without power, a lost link is no error; with it, `seconds` begin when it has been switched
    on. `unpowered`: the board may be off now, so the console need not exist yet.
    """

    def __init__(
        self,
        connect: Callable[[float], Transport],
        seconds: float,
        on_note: Callable[[str], None] = lambda _: None,
        *,
        unpowered: bool = False,
    ) -> None:
        self._connect = connect
        self._seconds = seconds
        self._on_note = on_note
        self._changed = threading.Condition()  # guards all below
        self._link: Transport | None = None
        self._lost: ConsoleError | None = None  # the error of a writer, or of the first opening
        self._power: BoardPower | None = None  # None: unknown
        self._on_since = -math.inf  # when the power was switched on
        try:
            self._link = connect(FIRST_CONNECT_TIMEOUT_S)
            self.name = self._link.name
        except ConsoleAbsent as error:
            if not unpowered or seconds <= 0:
                raise
            self._lost, self._power = error, BoardPower.OFF
            self.name = error.name
        self._opened = time.monotonic()
        self._failure: ConsoleError | None = None
        self._closed = False
        self._last_output = b""  # of the link: it may explain its end
        self._gap: _Gap | None = None  # the last one; used by the reader only

    @property
    def connected(self) -> bool:
        """True if there is a link now."""
        with self._changed:
            return self._link is not None

    def set_power(self, power: BoardPower) -> None:
        """Announce what happens to the board's power: before OFF and RISING, after ON."""
        with self._changed:
            self._power = power
            if power is not BoardPower.OFF:
                self._on_since = math.inf if power is BoardPower.RISING else time.monotonic()
            if self._gap is not None:
                self._gap.delay = MIN_RETRY_DELAY_S
            self._changed.notify_all()

    def read(self) -> bytes:
        """Block for at least one byte, across gaps; b"" after `close`."""
        while True:
            with self._changed:
                if self._closed:
                    return b""
                link = self._link
                if self._failure is not None:
                    raise self._failure
            try:
                if link is not None and (data := link.read()):
                    self._last_output = (self._last_output + data[-LAST_OUTPUT_BYTES:])[
                        -LAST_OUTPUT_BYTES:
                    ]
                    return data
                lost = self._lost
            except LinkLost as error:
                lost = error
            if not self._closed:
                self._replace(lost or LinkLost(f"{self.name}: the connection is lost"))

    def write(self, data: bytes) -> None:
        """Send all of `data`, waiting for the end of a gap."""
        link = None
        while data:
            link = self._link_after(link)
            try:
                link.write(data)
            except LinkLost as error:
                data = error.unsent
                with self._changed:
                    if self._link is link:
                        self._lost = error
                link.close()  # ends the read of the reader, which opens the next one
            else:
                return

    def _link_after(self, lost: Transport | None) -> Transport:
        """Wait for a link other than `lost`."""
        with self._changed:
            while self._link is None or self._link is lost:
                if self._failure is not None:
                    raise self._failure
                if self._closed:
                    raise ConsoleError(f"{self.name}: is closed")
                if self._power is BoardPower.OFF:
                    raise ConsoleError(f"{self.name}: has gone with the board's power")
                self._changed.wait()
            return self._link

    def close(self) -> None:
        """End a `read` and every `write` in progress."""
        with self._changed:
            self._closed = True
            link = self._link
            self._changed.notify_all()
        if link is not None:
            link.close()

    def release(self) -> None:
        """Free the link."""
        self.close()
        self._drop()

    def _drop(self) -> None:
        """Release the link. This comes first: a USB adapter gets its name back only then."""
        with self._changed:
            link, self._link = self._link, None
            self._lost = None
            self._changed.notify_all()
        if link is not None:
            link.close()
            link.release()

    def _replace(self, lost: ConsoleError) -> None:
        """Open the next link; return without one after `close`, raise after the timeout."""
        now = time.monotonic()
        held = now - self._opened >= MIN_LINK_S
        self._drop()
        output, self._last_output = printable(self._last_output.strip()), b""
        if not held and IN_USE in output:
            raise self._fail(port_taken(self.name))
        never_worked = self._gap is None and not held and not self._may_be_absent(now)
        if never_worked and output:
            raise self._fail(ConsoleError(f"{lost}; last output '{output}'"))
        if self._seconds <= 0 or never_worked:
            raise self._fail(lost)
        if self._gap is None or held:
            self._gap = _Gap(now, time.strftime("%H:%M:%S"))
        self._on_note(f"{lost}; reconnecting for up to {self._seconds:g} s")
        link = self._next_link(self._gap, lost)
        with self._changed:
            self._opened = time.monotonic()
            if not self._closed:
                self._link, link = link, None
            self._changed.notify_all()
        if link is not None:  # closed while it was opened
            link.close()
            link.release()
        elif not self._closed:
            gap = self._opened - self._gap.began
            self._on_note(f"reconnected after {gap:.1f} s; output in between is lost")

    def _may_be_absent(self, now: float) -> bool:
        """Return whether the board's power explains a lost link."""
        return self._power is BoardPower.OFF or now < self._on_since + self._seconds

    def _left(self, gap: _Gap) -> float:
        """Return the seconds until `gap` is too long."""
        if self._power is BoardPower.OFF:
            return math.inf
        return max(gap.began, self._on_since) + self._seconds - time.monotonic()

    def _next_link(self, gap: _Gap, error: ConsoleError) -> Transport | None:
        """Try to connect until `gap` is too long; None after `close`."""
        while (left := self._left(gap)) > 0:
            with self._changed:
                power = self._power
                self._changed.wait_for(
                    lambda power=power: self._closed or self._power is not power,  # type: ignore[misc]
                    min(gap.delay, left),
                )
                if self._closed:
                    return None
            booting = self._power in {BoardPower.RISING, BoardPower.ON}
            longest = MAX_BOOT_RETRY_DELAY_S if booting else MAX_RETRY_DELAY_S
            gap.delay = min(gap.delay * 2, longest)
            try:
                return self._connect(min(max(left, MIN_RETRY_DELAY_S), RECONNECT_TIMEOUT_S))
            except ConsoleTaken as failure:
                raise self._fail(failure) from None
            except ConsoleError as failure:
                error = failure
        raise self._fail(
            ConsoleError(
                f"{error}; no connection since {gap.since}, for more than {self._seconds:g} s"
            )
        )

    def _fail(self, error: ConsoleError) -> ConsoleError:
        with self._changed:
            self._failure = error
            self._changed.notify_all()
        return error


@dataclass
class _Gap:
    """A period without a link, or with links that ended at once."""

    began: float  # as time.monotonic()
    since: str  # the same as local time
    delay: float = MIN_RETRY_DELAY_S  # before the next attempt
