"""A reliable channel over a console that loses, changes and adds bytes.

Pure: lines and times go in; requests and lines to write come out. A request is delivered
once, however often its frames arrive. The frames of a reply are sent again until the board
acknowledges them, with back-off. Each request has one frame in flight at a time; all of them
together are limited to `window` bytes, so that a terminal's 4096-byte buffer does not overflow.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .. import console_frames
from ..console_frames import (
    ACK,
    GONE,
    NAK,
    NO_CHECKSUM,
    REPLY,
    REQUEST,
    AckFrame,
    DamagedFrame,
    DataFrame,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Of an encoded request: 60 kB that all need escapes, and some reserve.
MAX_REQUEST_BYTES = 300_000
#: Open requests of one board; further ones wait on the board.
MAX_OPEN_REQUESTS = 1000
#: IDs of answered requests that are kept, to detect late duplicates.
MAX_CLOSED = 4096
#: Timed transmissions of one frame. The first `FREQUENT_SENDS` follow the measured timeout, the
#: later ones `RARE_TIMEOUT_S`. A stopped caller finds them in its FIFO (64 KiB) when it continues,
#: acknowledges one and gets the rest.
MAX_TIMED_SENDS = 120
FREQUENT_SENDS = 40
#: Immediate transmissions of a frame, after reports of damage, between two timed ones.
MAX_NAK_SENDS = 8
#: The acknowledgement of a whole request waits this long for the reply, which replaces it.
ACK_DELAY_S = 0.05
INITIAL_TIMEOUT_S = 0.7  # until a frame is sent again, before a round trip was measured
MIN_TIMEOUT_S = 0.2
MAX_TIMEOUT_S = 10.0
RARE_TIMEOUT_S = 60.0
#: The ID of no caller: no caller has the process ID of init.
NO_CALLER = b"0-1"


@dataclass(frozen=True)
class ConsoleRequest:
    """A whole request of a process on the board."""

    id: bytes
    words: Sequence[bytes]


@dataclass(slots=True)
class _Exchange:
    """An exchange, from the request's first part to the acknowledgement of the reply's last."""

    md5: bool  # which checksum its board uses
    payloads: list[bytes] = field(default_factory=list)
    size: int = 0
    complete: bool = False  # the whole request has arrived
    last_sum: bytes = b""  # the checksum of the request's last part
    reply: deque[DataFrame] = field(default_factory=deque)  # not yet acknowledged
    frame: bytes = b""  # of reply[0], while it is in flight
    sum: bytes = b""
    sent: int = 0  # timed transmissions
    nak_sends: int = 0  # transmissions since then because of damage
    sent_at: float = 0.0
    due: float = 0.0  # when to send it again
    damaged: bool = False  # it is due because of damage
    ack: AckFrame | None = None  # held back for the reply
    ack_due: float = 0.0

    @property
    def fresh(self) -> bool:
        """True if the frame in flight was sent only once."""
        return self.sent == 1 and not self.nak_sends


class Channel:
    """The dispatcher's end of one board's channel."""

    def __init__(self, *, window: int) -> None:
        self._window = window
        self._open: dict[bytes, _Exchange] = {}
        self._closed: OrderedDict[bytes, AckFrame | None] = OrderedDict()
        self._timed: dict[bytes, _Exchange] = {}  # with a held-back ack or a frame in flight
        self._ready: deque[bytes] = deque()  # with a part that was never sent
        self._in_flight = 0  # bytes of frames sent once and not acknowledged
        self._out: list[bytes] = []
        self._timeout = INITIAL_TIMEOUT_S
        self._smoothed: float | None = None  # round trip, in seconds
        self._variation = 0.0
        self._gone: list[bytes] = []
        self.resent = 0  # frames, for the log
        self.alive = False  # the board has answered the last `ping`

    def receive(self, line: bytes, now: float) -> list[ConsoleRequest]:
        """Parse a console line; return the requests that it completes."""
        requests = []
        for frame in console_frames.find_frames(line):
            if isinstance(frame, AckFrame):
                self._acknowledged(frame, now)
            elif isinstance(frame, DamagedFrame):
                self._damaged(frame, now)
            elif frame.kind == REQUEST:
                request = self._part(frame, now)
                if request is not None:
                    requests.append(request)
        return requests

    def reply(self, id: bytes, words: Sequence[bytes]) -> None:  # noqa: A002
        """Queue the reply to request `id`, unless its caller has ended."""
        exchange = self._open.get(id)
        if exchange is None or exchange.reply:
            return
        payloads = console_frames.split_payloads(console_frames.encode(words))
        exchange.complete = True
        exchange.reply.extend(
            DataFrame(REPLY, id, n, len(payloads), payload, exchange.md5)
            for n, payload in enumerate(payloads, 1)
        )
        self._ready.append(id)

    def acknowledge(self, id: bytes) -> None:  # noqa: A002
        """Close request `id` with its acknowledgement, without a reply."""
        exchange = self._open.get(id)
        if exchange is not None and exchange.ack is not None:
            self._out.append(exchange.ack.line())
            self._close(id, exchange.ack)

    def ping(self) -> None:
        """Ping the board with an unsolicited reply: a live runner replies `GONE`."""
        self.alive = False
        self._out.append(DataFrame(REPLY, NO_CALLER, 1, 1, b"").line())

    def probe(self, id: bytes) -> None:  # noqa: A002
        """Acknowledge request `id` again: the board replies `GONE` if its caller has ended."""
        exchange = self._open.get(id)
        if exchange is not None and exchange.complete and not exchange.reply:
            self._out.append(AckFrame(ACK, id, exchange.last_sum).line())

    def pop_gone(self) -> list[bytes]:
        """Return and clear the IDs of the requests whose caller has ended."""
        gone, self._gone = self._gone, []
        return gone

    def transmit(self, now: float) -> bytes:
        """Return the bytes to write now."""
        for id_, exchange in list(self._timed.items()):
            if exchange.ack is not None and exchange.ack_due <= now:
                self._out.append(exchange.ack.line())
                exchange.ack = None
            if exchange.frame and exchange.due <= now:
                self._resend(exchange, now)
            if exchange.ack is None and not exchange.frame:
                del self._timed[id_]
        while self._ready and (self._in_flight < self._window):
            id_ = self._ready.popleft()
            if id_ in self._open:
                self._send(id_, self._open[id_], now)
        data = b"".join(self._out)
        self._out.clear()
        return data

    def due(self) -> float | None:
        """Return the time of the next timed transmission, or None."""
        times = [e.ack_due for e in self._timed.values() if e.ack is not None]
        times += [e.due for e in self._timed.values() if e.frame]
        return min(times, default=None)

    def _part(self, part: DataFrame, now: float) -> ConsoleRequest | None:
        if part.id in self._closed:
            if self._closed[part.id] is not None:  # the board has missed the acknowledgement
                self._out.append(AckFrame(ACK, part.id, part.sum).line())
            return None
        exchange = self._open.get(part.id)
        if exchange is None:
            if part.part != 1 or len(self._open) >= MAX_OPEN_REQUESTS:
                return None
            exchange = self._open[part.id] = _Exchange(part.md5)
        if exchange.reply:  # a repeated request: the reply did not arrive
            if now - exchange.sent_at > MIN_TIMEOUT_S:
                self._send_at_once(exchange, now)
            return None
        new = part.part == len(exchange.payloads) + 1 and not exchange.complete
        if new:
            exchange.payloads.append(part.payload)
            exchange.size += len(part.payload)
            if exchange.size + (part.parts - part.part) > MAX_REQUEST_BYTES:
                self.reply(part.id, [b"1", b"more than a message can hold: 60 kB"])
                return None
        elif part.part > len(exchange.payloads) and not exchange.complete:
            return None
        acknowledgement = AckFrame(ACK, part.id, part.sum)
        if not new or part.part < part.parts:
            self._out.append(acknowledgement.line())
            return None
        exchange.complete, exchange.last_sum = True, acknowledgement.sum
        exchange.ack, exchange.ack_due = acknowledgement, now + ACK_DELAY_S
        self._timed[part.id] = exchange
        return self._decode_request(part.id, exchange)

    def _decode_request(self, id_: bytes, exchange: _Exchange) -> ConsoleRequest | None:
        text = b"".join(exchange.payloads)
        exchange.payloads.clear()
        try:
            return ConsoleRequest(id_, console_frames.decode(text))
        except ValueError as error:
            self.reply(id_, [b"1", b"not a request: " + str(error).encode()])
            return None

    def _damaged(self, frame: DamagedFrame, now: float) -> None:
        if frame.kind == REQUEST:
            nak = AckFrame(NAK, frame.id, NO_CHECKSUM)
            self._out.append(nak.line())
        elif frame.id in self._open:
            self._send_at_once(self._open[frame.id], now)

    def _send_at_once(self, exchange: _Exchange, now: float) -> None:
        """Send the frame in flight again now, unless that has failed too often."""
        if exchange.frame and exchange.nak_sends < MAX_NAK_SENDS:
            exchange.due = now
            exchange.damaged = True

    def _acknowledged(self, frame: AckFrame, now: float) -> None:
        exchange = self._open.get(frame.id)
        gone = frame.kind == GONE
        if frame.kind == NAK and exchange is not None:
            self._send_at_once(exchange, now)
            return
        if exchange is None:
            self.alive |= gone and frame.id == NO_CALLER
            return
        if gone and not exchange.reply and frame.sum == exchange.last_sum:
            self._gone.append(frame.id)
            self._close(frame.id)
            return
        if not exchange.frame or frame.sum != exchange.sum:
            return
        if exchange.fresh:
            self._measure(now - exchange.sent_at)
        if exchange.fresh:
            self._in_flight -= len(exchange.frame)
        exchange.frame = b""
        exchange.reply.popleft()
        if gone or not exchange.reply:
            self._close(frame.id)
        else:
            self._ready.append(frame.id)

    def _send(self, id_: bytes, exchange: _Exchange, now: float) -> None:
        part = exchange.reply[0]
        exchange.ack = None  # the reply implies it
        exchange.frame, exchange.sum = part.line(), part.sum
        exchange.sent, exchange.nak_sends, exchange.damaged = 1, 0, False
        exchange.sent_at = now
        exchange.due = now + self._timeout
        self._in_flight += len(exchange.frame)
        self._timed[id_] = exchange
        self._out.append(exchange.frame)

    def _resend(self, exchange: _Exchange, now: float) -> None:
        if exchange.fresh:  # it was lost, so it fills no buffer
            self._in_flight -= len(exchange.frame)
        if exchange.damaged:
            exchange.damaged = False
            exchange.nak_sends += 1
        elif exchange.sent == MAX_TIMED_SENDS:
            exchange.due = float("inf")
            return
        else:
            exchange.sent += 1
            exchange.nak_sends = 0
            # The line may be slow; the next measurement corrects this.
            self._timeout = min(self._timeout * 1.5, MAX_TIMEOUT_S)
        self.resent += 1
        exchange.sent_at = now
        timeout = min(self._timeout * 1.5 ** (exchange.sent - 1), MAX_TIMEOUT_S)
        exchange.due = now + (timeout if exchange.sent < FREQUENT_SENDS else RARE_TIMEOUT_S)
        self._out.append(exchange.frame)

    def _close(self, id_: bytes, ack: AckFrame | None = None) -> None:
        del self._open[id_]
        self._timed.pop(id_, None)
        self._closed[id_] = ack
        if len(self._closed) > MAX_CLOSED:
            self._closed.popitem(last=False)

    def _measure(self, seconds: float) -> None:
        """Adapt the timeout to a round trip of a frame sent once, as TCP does (RFC 6298)."""
        if self._smoothed is None:
            self._smoothed, self._variation = seconds, seconds / 2
        else:
            self._variation += (abs(seconds - self._smoothed) - self._variation) / 4
            self._smoothed += (seconds - self._smoothed) / 8
        timeout = self._smoothed + 4 * self._variation
        self._timeout = min(max(timeout, MIN_TIMEOUT_S), MAX_TIMEOUT_S)
