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
from ..console_frames import Part, Word, Wreck

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Bytes of an encoded question: 60 kB that all need escapes, and a little more.
MAX_QUESTION = 300_000
#: Questions that one board has open; more wait on the board.
MAX_OPEN = 1000
#: Answered questions whose IDs are kept, to know a late duplicate.
REMEMBERED = 4096
#: Times that one frame is sent by the clock; after RARE of them, seldom. A caller that is
#: stopped has them in its FIFO, of 64 KiB, when it goes on; it acknowledges one and gets the rest.
MAX_SENT, RARE = 120, 40
#: Times that a frame is sent at once when damage is reported, between two by the clock.
MAX_HURRIED = 8
#: Seconds that the acknowledgement of a whole question waits for the answer, which says it too.
ACK_DELAY = 0.05
FIRST_PATIENCE = 0.7  # seconds until a frame is sent again, before anything was measured
MIN_PATIENCE = 0.2
MAX_PATIENCE = 10.0
RARE_PATIENCE = 60.0
#: An ID that no process on the board has: none has the number of init.
NOBODY = b"0-1"


@dataclass(frozen=True)
class Question:
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
    answer: deque[Part] = field(default_factory=deque)  # what is not yet acknowledged
    frame: bytes = b""  # of answer[0], while it is on its way
    sum: bytes = b""
    sent: int = 0  # times, by the clock
    hurries: int = 0  # times that it was sent since, because damage was reported
    sent_at: float = 0.0
    due: float = 0.0  # when to send it again
    hurried: bool = False  # it is due because damage was reported
    ack: Word | None = None  # waits for the answer
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
        self._closed: OrderedDict[bytes, Word | None] = OrderedDict()
        self._timed: dict[bytes, _Open] = {}  # those with an ack or a frame that has a due time
        self._ready: deque[bytes] = deque()  # those with a part that was never sent
        self._in_flight = 0  # bytes of frames sent once and not acknowledged
        self._out: list[bytes] = []
        self._patience = FIRST_PATIENCE
        self._smooth: float | None = None  # round trip, seconds
        self._spread = 0.0
        self._gone: list[bytes] = []
        self.resent = 0  # frames, for the log
        self.lives = False  # whether the board has answered to the last `ask_for_life`

    def receive(self, line: bytes, now: float) -> list[Question]:
        """Take a line of the console; return the questions that are now whole."""
        questions = []
        for frame in console_frames.find(line):
            if isinstance(frame, Word):
                self._word(frame, now)
            elif isinstance(frame, Wreck):
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
            Part(b"R", id, n, len(payloads), payload, exchange.md5)
            for n, payload in enumerate(payloads, 1)
        )
        self._ready.append(id)

    def acknowledge(self, id: bytes) -> None:  # noqa: A002
        """Let the acknowledgement of the question `id` be all of its answer."""
        exchange = self._open.get(id)
        if exchange is not None and exchange.ack is not None:
            self._out.append(exchange.ack.line())
            self._close(id, exchange.ack)

    def ask_for_life(self) -> None:
        """Send what nobody has asked for: a board that lives says that nobody waits for it."""
        self.lives = False
        self._out.append(Part(b"R", NOBODY, 1, 1, b"").line())

    def probe(self, id: bytes) -> None:  # noqa: A002
        """Acknowledge a question once more: the board says if its caller is gone."""
        exchange = self._open.get(id)
        if exchange is not None and exchange.asked and not exchange.answer:
            self._out.append(Word(b"A", id, exchange.whole).line())

    def take_gone(self) -> list[bytes]:
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

    def _part(self, part: Part, now: float) -> Question | None:
        if part.id in self._closed:
            if self._closed[part.id] is not None:  # it was told again: it has not heard us
                self._out.append(Word(b"A", part.id, part.sum).line())
            return None
        exchange = self._open.get(part.id)
        if exchange is None:
            if part.part != 1 or len(self._open) >= MAX_OPEN:
                return None
            exchange = self._open[part.id] = _Open(part.md5)
        if exchange.answer:  # asked again: the answer did not arrive
            if now - exchange.sent_at > MIN_PATIENCE:
                self._hurry(exchange, now)
            return None
        new = part.part == len(exchange.payloads) + 1 and not exchange.asked
        if new:
            exchange.payloads.append(part.payload)
            exchange.size += len(part.payload)
            if exchange.size + (part.parts - part.part) > MAX_QUESTION:
                self.answer(part.id, [b"1", b"more than a message can hold: 60 kB"])
                return None
        elif part.part > len(exchange.payloads) and not exchange.asked:
            return None
        acknowledgement = Word(b"A", part.id, part.sum)
        if not new or part.part < part.parts:
            self._out.append(acknowledgement.line())
            return None
        exchange.asked, exchange.whole = True, acknowledgement.sum
        exchange.ack, exchange.ack_due = acknowledgement, now + ACK_DELAY
        self._timed[part.id] = exchange
        return self._question(part.id, exchange)

    def _question(self, id_: bytes, exchange: _Open) -> Question | None:
        text = b"".join(exchange.payloads)
        exchange.payloads.clear()
        try:
            return Question(id_, console_frames.decode(text))
        except ValueError as error:
            self.answer(id_, [b"1", b"not a question: " + str(error).encode()])
            return None

    def _wreck(self, wreck: Wreck, now: float) -> None:
        if wreck.kind == b"Q":
            self._out.append(Word(b"N", wreck.id, console_frames.DAMAGED).line())
        elif wreck.id in self._open:
            self._hurry(self._open[wreck.id], now)

    def _hurry(self, exchange: _Open, now: float) -> None:
        """Send what is on its way again now; but what fails each time, by the clock."""
        if exchange.frame and exchange.hurries < MAX_HURRIED:
            exchange.due = now
            exchange.hurried = True

    def _word(self, word: Word, now: float) -> None:
        exchange = self._open.get(word.id)
        if word.kind == b"N" and exchange is not None:
            self._hurry(exchange, now)
            return
        if exchange is None:
            self.lives |= word.kind == b"G" and word.id == NOBODY
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
        elif exchange.sent == MAX_SENT:
            exchange.due = float("inf")
            return
        else:
            exchange.sent += 1
            exchange.hurries = 0
            # Perhaps the line is slow; the next measurement tells.
            self._patience = min(self._patience * 1.5, MAX_PATIENCE)
        self.resent += 1
        exchange.sent_at = now
        patience = min(self._patience * 1.5 ** (exchange.sent - 1), MAX_PATIENCE)
        exchange.due = now + (patience if exchange.sent < RARE else RARE_PATIENCE)
        self._out.append(exchange.frame)

    def _land(self, exchange: _Open) -> None:
        if exchange.fresh:
            self._in_flight -= len(exchange.frame)
        exchange.frame = b""

    def _close(self, id_: bytes, ack: Word | None = None) -> None:
        del self._open[id_]
        self._timed.pop(id_, None)
        self._closed[id_] = ack
        if len(self._closed) > REMEMBERED:
            self._closed.popitem(last=False)

    def _measure(self, seconds: float) -> None:
        """Learn the round trip, as TCP does (RFC 6298), from frames sent once only."""
        if self._smooth is None:
            self._smooth, self._spread = seconds, seconds / 2
        else:
            self._spread += (abs(seconds - self._smooth) - self._spread) / 4
            self._smooth += (seconds - self._smooth) / 8
        patience = self._smooth + 4 * self._spread
        self._patience = min(max(patience, MIN_PATIENCE), MAX_PATIENCE)
