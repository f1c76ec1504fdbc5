"""The reliable channel over a console that loses, changes and adds bytes.

Pure: lines and times go in, questions and lines to write come out. A question
is asked once however often its frames come; an answer's frames are sent again
until the board acknowledges them, with back-off. Per question one frame is on
its way at a time, and all together are at most `window` bytes, so that a
terminal's 4096-byte buffer does not overflow.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .. import console_frames
from ..console_frames import AckFrame, DamagedFrame, DataFrame

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Bytes of an encoded question: 60 kB that all need escapes, and a little more.
MAX_QUESTION_BYTES = 300_000
#: Questions that one board has open; more wait on the board.
MAX_OPEN_QUESTIONS = 1000
#: Answered questions whose IDs are kept, to know a late duplicate.
MAX_CLOSED = 4096
#: Timed transmissions of one frame. The first `FREQUENT_SENDS` follow the measured timeout, the
#: later ones `RARE_TIMEOUT_S`. A stopped caller finds them in its FIFO (64 KiB) when it goes on,
#: acknowledges one and gets the rest.
MAX_TIMED_SENDS = 120
FREQUENT_SENDS = 40
#: Immediate transmissions of a frame, after reports of damage, between two timed ones.
MAX_NAK_SENDS = 8
#: The acknowledgement of a whole question waits this long for the answer, which replaces it.
ACK_DELAY_S = 0.05
INITIAL_TIMEOUT_S = 0.7  # until a frame is sent again, before a round trip was measured
MIN_TIMEOUT_S = 0.2
MAX_TIMEOUT_S = 10.0
RARE_TIMEOUT_S = 60.0
#: An ID that no process on the board has: none has the number of init.
NO_CALLER = b"0-1"


@dataclass(frozen=True)
class ConsoleQuestion:
    """A whole question of a process on the board."""

    id: bytes
    words: Sequence[bytes]


@dataclass(slots=True)
class _Open:
    """A question from its first part to the acknowledgement of its answer's last."""

    md5: bool  # how its board sums
    payloads: list[bytes] = field(default_factory=list)
    size: int = 0
    asked: bool = False
    whole: bytes = b""  # the checksum of the question's last part
    answer: deque[DataFrame] = field(default_factory=deque)  # what is not yet acknowledged
    frame: bytes = b""  # of answer[0], while it is on its way
    sum: bytes = b""
    sent: int = 0  # times, by the clock
    hurries: int = 0  # times that it was sent since, because damage was reported
    sent_at: float = 0.0
    due: float = 0.0  # when to send it again
    hurried: bool = False  # it is due because damage was reported
    ack: AckFrame | None = None  # waits for the answer
    ack_due: float = 0.0

    @property
    def fresh(self) -> bool:
        """Whether the frame on its way was sent once only."""
        return self.sent == 1 and not self.hurries


class Channel:
    """The dispatcher's end of one board's channel."""

    def __init__(self, *, window: int) -> None:
        self._window = window
        self._open: dict[bytes, _Open] = {}
        self._closed: OrderedDict[bytes, AckFrame | None] = OrderedDict()
        self._timed: dict[bytes, _Open] = {}  # those with an ack or a frame that has a due time
        self._ready: deque[bytes] = deque()  # those with a part that was never sent
        self._in_flight = 0  # bytes of frames sent once and not acknowledged
        self._out: list[bytes] = []
        self._patience = INITIAL_TIMEOUT_S
        self._smooth: float | None = None  # round trip, seconds
        self._spread = 0.0
        self._gone: list[bytes] = []
        self.resent = 0  # frames, for the log
        self.alive = False  # whether the board has answered to the last `ping`

    def receive(self, line: bytes, now: float) -> list[ConsoleQuestion]:
        """Take a line of the console; return the questions that are now whole."""
        questions = []
        for frame in console_frames.find(line):
            if isinstance(frame, AckFrame):
                self._word(frame, now)
            elif isinstance(frame, DamagedFrame):
                self._wreck(frame, now)
            elif frame.kind == b"Q":
                question = self._part(frame, now)
                if question is not None:
                    questions.append(question)
        return questions

    def answer(self, id: bytes, words: Sequence[bytes]) -> None:  # noqa: A002
        """Answer the question `id`; nothing happens if its caller is gone."""
        exchange = self._open.get(id)
        if exchange is None or exchange.answer:
            return
        payloads = console_frames.split(console_frames.encode(words))
        exchange.asked = True
        exchange.answer.extend(
            DataFrame(b"R", id, n, len(payloads), payload, exchange.md5)
            for n, payload in enumerate(payloads, 1)
        )
        self._ready.append(id)

    def acknowledge(self, id: bytes) -> None:  # noqa: A002
        """Let the acknowledgement of the question `id` be all of its answer."""
        exchange = self._open.get(id)
        if exchange is not None and exchange.ack is not None:
            self._out.append(exchange.ack.line())
            self._close(id, exchange.ack)

    def ping(self) -> None:
        """Send what nobody has asked for: a board that lives says that nobody waits for it."""
        self.alive = False
        self._out.append(DataFrame(b"R", NO_CALLER, 1, 1, b"").line())

    def probe(self, id: bytes) -> None:  # noqa: A002
        """Acknowledge a question once more: the board says if its caller is gone."""
        exchange = self._open.get(id)
        if exchange is not None and exchange.asked and not exchange.answer:
            self._out.append(AckFrame(b"A", id, exchange.whole).line())

    def pop_gone(self) -> list[bytes]:
        """Return the questions without an answer of which the board said so, once."""
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
        """Return when `transmit` has something to do next, if nothing comes before."""
        times = [e.ack_due for e in self._timed.values() if e.ack is not None]
        times += [e.due for e in self._timed.values() if e.frame]
        return min(times, default=None)

    def _part(self, part: DataFrame, now: float) -> ConsoleQuestion | None:
        if part.id in self._closed:
            if self._closed[part.id] is not None:  # it was told again: it has not heard us
                self._out.append(AckFrame(b"A", part.id, part.sum).line())
            return None
        exchange = self._open.get(part.id)
        if exchange is None:
            if part.part != 1 or len(self._open) >= MAX_OPEN_QUESTIONS:
                return None
            exchange = self._open[part.id] = _Open(part.md5)
        if exchange.answer:  # asked again: the answer did not arrive
            if now - exchange.sent_at > MIN_TIMEOUT_S:
                self._hurry(exchange, now)
            return None
        new = part.part == len(exchange.payloads) + 1 and not exchange.asked
        if new:
            exchange.payloads.append(part.payload)
            exchange.size += len(part.payload)
            if exchange.size + (part.parts - part.part) > MAX_QUESTION_BYTES:
                self.answer(part.id, [b"1", b"more than a message can hold: 60 kB"])
                return None
        elif part.part > len(exchange.payloads) and not exchange.asked:
            return None
        acknowledgement = AckFrame(b"A", part.id, part.sum)
        if not new or part.part < part.parts:
            self._out.append(acknowledgement.line())
            return None
        exchange.asked, exchange.whole = True, acknowledgement.sum
        exchange.ack, exchange.ack_due = acknowledgement, now + ACK_DELAY_S
        self._timed[part.id] = exchange
        return self._question(part.id, exchange)

    def _question(self, id_: bytes, exchange: _Open) -> ConsoleQuestion | None:
        text = b"".join(exchange.payloads)
        exchange.payloads.clear()
        try:
            return ConsoleQuestion(id_, console_frames.decode(text))
        except ValueError as error:
            self.answer(id_, [b"1", b"not a question: " + str(error).encode()])
            return None

    def _wreck(self, wreck: DamagedFrame, now: float) -> None:
        if wreck.kind == b"Q":
            self._out.append(AckFrame(b"N", wreck.id, console_frames.DAMAGED).line())
        elif wreck.id in self._open:
            self._hurry(self._open[wreck.id], now)

    def _hurry(self, exchange: _Open, now: float) -> None:
        """Send what is on its way again now; but what fails each time, by the clock."""
        if exchange.frame and exchange.hurries < MAX_NAK_SENDS:
            exchange.due = now
            exchange.hurried = True

    def _word(self, word: AckFrame, now: float) -> None:
        exchange = self._open.get(word.id)
        if word.kind == b"N" and exchange is not None:
            self._hurry(exchange, now)
            return
        if exchange is None:
            self.alive |= word.kind == b"G" and word.id == NO_CALLER
            return
        if word.kind == b"G" and not exchange.answer and word.sum == exchange.whole:
            self._gone.append(word.id)
            self._close(word.id)
            return
        if not exchange.frame or word.sum != exchange.sum:
            return
        if exchange.fresh:
            self._measure(now - exchange.sent_at)
        self._land(exchange)
        exchange.answer.popleft()
        if word.kind == b"G" or not exchange.answer:
            self._close(word.id)
        else:
            self._ready.append(word.id)

    def _send(self, id_: bytes, exchange: _Open, now: float) -> None:
        part = exchange.answer[0]
        exchange.ack = None  # the answer says it
        exchange.frame, exchange.sum = part.line(), part.sum
        exchange.sent, exchange.hurries, exchange.hurried = 1, 0, False
        exchange.sent_at = now
        exchange.due = now + self._patience
        self._in_flight += len(exchange.frame)
        self._timed[id_] = exchange
        self._out.append(exchange.frame)

    def _resend(self, exchange: _Open, now: float) -> None:
        if exchange.fresh:  # lost: it fills no buffer
            self._in_flight -= len(exchange.frame)
        if exchange.hurried:
            exchange.hurried = False
            exchange.hurries += 1
        elif exchange.sent == MAX_TIMED_SENDS:
            exchange.due = float("inf")
            return
        else:
            exchange.sent += 1
            exchange.hurries = 0
            # Perhaps the line is slow; the next measurement tells.
            self._patience = min(self._patience * 1.5, MAX_TIMEOUT_S)
        self.resent += 1
        exchange.sent_at = now
        patience = min(self._patience * 1.5 ** (exchange.sent - 1), MAX_TIMEOUT_S)
        exchange.due = now + (patience if exchange.sent < FREQUENT_SENDS else RARE_TIMEOUT_S)
        self._out.append(exchange.frame)

    def _land(self, exchange: _Open) -> None:
        if exchange.fresh:
            self._in_flight -= len(exchange.frame)
        exchange.frame = b""

    def _close(self, id_: bytes, ack: AckFrame | None = None) -> None:
        del self._open[id_]
        self._timed.pop(id_, None)
        self._closed[id_] = ack
        if len(self._closed) > MAX_CLOSED:
            self._closed.popitem(last=False)

    def _measure(self, seconds: float) -> None:
        """Learn the round trip, as TCP does (RFC 6298), from frames sent once only."""
        if self._smooth is None:
            self._smooth, self._spread = seconds, seconds / 2
        else:
            self._spread += (abs(seconds - self._smooth) - self._spread) / 4
            self._smooth += (seconds - self._smooth) / 8
        patience = self._smooth + 4 * self._spread
        self._patience = min(max(patience, MIN_TIMEOUT_S), MAX_TIMEOUT_S)
