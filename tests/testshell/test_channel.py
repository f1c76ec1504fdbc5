"""The reliable channel against a model of the board, over the worst of links."""

from __future__ import annotations

import hashlib
import heapq
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lava_dispatcher_multinode import console_frames
from lava_dispatcher_multinode.console_frames import AckFrame, DamagedFrame, DataFrame
from lava_dispatcher_multinode.testshell import channel as rules
from lava_dispatcher_multinode.testshell.channel import Channel


class Caller:
    """A process on the board that makes one request: what lib/lava-call does."""

    def __init__(self, id_, words):
        self.id = id_
        payloads = console_frames.split_payloads(console_frames.encode(words))
        self.to_send = [
            DataFrame(b"Q", id_, n, len(payloads), p) for n, p in enumerate(payloads, 1)
        ]
        self.reply = []
        self.done = False
        self.age = 0

    def tick(self):
        """Return what the clock makes it send."""
        self.age += 1
        return [self.to_send[0].line()] if self.to_send and self.age % 2 == 1 else []

    def take(self, frame):
        """Take a frame from the dispatcher; return what it sends."""
        if isinstance(frame, AckFrame):
            if self.to_send and frame.kind == b"A" and frame.sum == self.to_send[0].sum:
                del self.to_send[0]
                self.age = 0
                return self.tick()
            return [self.to_send[0].line()] if frame.kind == b"N" and self.to_send else []
        self.to_send = []
        if frame.part == len(self.reply) + 1:
            self.reply.append(frame.payload)
            self.done = len(self.reply) == frame.parts
        return [AckFrame(b"A", self.id, frame.sum).line()]


class World:
    """Callers, a link with faults both ways, the channel, and a clock that jumps."""

    def __init__(self, requests, seed, loss):
        self.random = random.Random(seed)
        self.loss = loss
        self.callers = {id_: Caller(id_, words) for id_, words in requests.items()}
        self.channel = Channel(window=3000)
        self.asked = []
        self.now = 0.0
        self.events = []
        self.order = 0

    def fault(self, line):
        """Lose, double, delay or alter a line."""
        if self.random.random() < self.loss:
            kind = self.random.randrange(4)
            spot = self.random.randrange(len(line))
            if kind == 0:
                return []
            if kind == 1:
                return [line, line]
            if kind == 2:
                return [line[:spot] + b"[ 1.0] usb\n" + line[spot:]]
            return [line[:spot] + bytes((self.random.randrange(256),)) + line[spot + 1 :]]
        return [line]

    def push(self, delay, what, line=None):
        """Let a line arrive later."""
        self.order += 1
        heapq.heappush(self.events, (self.now + delay, self.order, what, line))

    def link(self, what, lines):
        """Send lines over the faulty link."""
        for line in lines:
            for copy in self.fault(line):
                self.push(0.01, what, copy)

    def run(self):
        """Run until every caller has its reply."""
        for _ in range(20_000):
            self.link(
                "host",
                [x for c in self.callers.values() if not c.done for x in c.tick()]
                if self.now >= self.next_tick()
                else [],
            )
            data = self.channel.transmit(self.now)
            self.link("board", [line + b"\n" for line in data.split(b"\n") if line])
            if all(caller.done for caller in self.callers.values()):
                return
            due = self.channel.due()
            times = [self.ticked + 0.3, *([due] if due is not None else [])]
            times += [self.events[0][0]] if self.events else []
            self.now = max(self.now, min(times))
            while self.events and self.events[0][0] <= self.now:
                _, _, what, line = heapq.heappop(self.events)
                (self.at_host if what == "host" else self.at_board)(line)
        raise AssertionError("it never ended")

    ticked = -1.0

    def next_tick(self):
        """Return the time of the callers' last tick."""
        if self.now >= self.ticked + 0.3:
            self.ticked = self.now
        return self.ticked

    def at_host(self, data):
        """Let bytes arrive at the dispatcher."""
        for line in data.split(b"\n"):
            for request in self.channel.receive(line, self.now):
                self.asked.append(request)
                self.channel.reply(request.id, [b"0", b"", *reversed(request.words)])

    def at_board(self, data):
        """Let bytes arrive at the callers."""
        for line in data.split(b"\n"):
            for frame in from_dispatcher(line):
                caller = self.callers.get(frame.id)
                if caller is None or caller.done:
                    if isinstance(frame, DataFrame):
                        self.link("host", [AckFrame(b"G", frame.id, frame.sum).line()])
                else:
                    self.link("host", caller.take(frame))


def from_dispatcher(line):
    """Yield the frames that a board reads from a line."""
    for frame in console_frames.find_frames(line):
        if not isinstance(frame, DamagedFrame) and frame.kind in b"ANR":
            yield frame


REQUESTS = st.dictionaries(
    st.integers(1, 99999).map(lambda n: b"ab12-%d" % n),
    st.lists(st.binary(max_size=700), max_size=4),
    min_size=1,
    max_size=12,
)


@given(REQUESTS, st.integers(), st.sampled_from([0.0, 0.1, 0.4]))
def test_everything_arrives_exactly_once(requests, seed, loss):
    """On a lossy, noisy link each request is delivered once and gets its whole reply."""
    world = World(requests, seed, loss)
    world.run()
    assert sorted((q.id, q.words) for q in world.asked) == sorted(requests.items())
    for id_, words in requests.items():
        reply = console_frames.decode(b"".join(world.callers[id_].reply))
        assert reply == [b"0", b"", *reversed(words)]


def ask(channel, id_, words, now=0.0):
    """Put a whole request to the channel."""
    requests = []
    payloads = console_frames.split_payloads(console_frames.encode(words))
    for n, payload in enumerate(payloads, 1):
        requests += channel.receive(DataFrame(b"Q", id_, n, len(payloads), payload).line(), now)
    return requests


def test_a_clean_call_is_two_writes():
    """A call that is answered at once needs no acknowledgement but its reply."""
    channel = Channel(window=3000)
    assert ask(channel, b"a-1", [b"x"]) == [rules.ConsoleRequest(b"a-1", [b"x"])]
    channel.reply(b"a-1", [b"0", b""])
    sent = channel.transmit(0.001)
    assert sent == DataFrame(b"R", b"a-1", 1, 1, b"0,,").line()
    channel.receive(AckFrame(b"A", b"a-1", DataFrame(b"R", b"a-1", 1, 1, b"0,,").sum).line(), 0.01)
    assert channel.transmit(0.02) == b""
    assert channel.due() is None


def test_a_long_wait_is_acknowledged_and_quiet():
    """A request without a reply yet is acknowledged once; then nothing is due."""
    channel = Channel(window=3000)
    ask(channel, b"a-1", [b"x"])
    assert channel.transmit(0.0) == b""
    assert channel.transmit(channel.due()).startswith(b"<LAVA_MN A a-1 ")
    assert channel.due() is None


def test_in_flight_is_bounded():
    """However many replies are ready, what is on its way stays below the terminal's buffer."""
    channel = Channel(window=3000)
    for n in range(1, 50):
        ask(channel, b"a-%d" % n, [b"x"])
        channel.reply(b"a-%d" % n, [b"0", b"", b"y" * 2000])
    assert 0 < len(channel.transmit(0.0)) < 4096


def test_a_dead_caller_is_forgotten():
    """A reply to a gone caller ends with its first frame."""
    channel = Channel(window=3000)
    ask(channel, b"a-1", [b"x"])
    channel.reply(b"a-1", [b"0", b"", b"y" * 2000])
    (part,) = console_frames.find_frames(channel.transmit(0.0))
    channel.receive(AckFrame(b"G", b"a-1", part.sum).line(), 0.1)
    assert channel.transmit(100.0) == b""
    assert channel.due() is None


def test_replies_use_the_checksum_of_the_board():
    """For a board without cksum, acknowledgements and replies use MD5 too."""
    channel = Channel(window=3000)
    request = DataFrame(b"Q", b"a-1", 1, 1, b"wait,x,", md5=True)
    (asked,) = channel.receive(request.line(), 0.0)
    assert asked.words == [b"wait", b"x"]
    (ack,) = console_frames.find_frames(channel.transmit(1.0))
    assert ack == AckFrame(b"A", b"a-1", request.sum)
    channel.reply(b"a-1", [b"0", b"", b"y" * 500])
    (part,) = console_frames.find_frames(channel.transmit(1.0))
    assert part.md5
    assert part.sum == hashlib.md5(part.text).hexdigest()[:8].encode()
    channel.receive(AckFrame(b"A", b"a-1", part.sum).line(), 1.1)
    (rest,) = console_frames.find_frames(channel.transmit(1.1))
    assert (rest.part, rest.md5) == (2, True)


def test_a_probe_reports_a_gone_caller_once():
    """A gone caller is reported once, and only for the right checksum."""
    channel = Channel(window=3000)
    channel.probe(b"a-1")
    ask(channel, b"a-1", [b"x"])
    (ack,) = console_frames.find_frames(channel.transmit(1.0))
    channel.probe(b"a-1")
    assert list(console_frames.find_frames(channel.transmit(2.0))) == [ack]
    channel.receive(AckFrame(b"G", b"a-1", ack.sum + b"1").line(), 2.1)
    assert channel.pop_gone() == []
    channel.receive(AckFrame(b"G", b"a-1", ack.sum).line(), 2.1)
    assert channel.pop_gone() == [b"a-1"]
    assert channel.pop_gone() == []
    channel.reply(b"a-1", [b"0", b""])
    channel.probe(b"a-1")
    assert channel.transmit(3.0) == b""


def test_a_stopped_caller_is_not_flooded():
    """One frame is sent a bounded number of times, which fits into a FIFO."""
    channel = Channel(window=3000)
    ask(channel, b"a-1", [b"x"])
    channel.reply(b"a-1", [b"0", b"", b"y" * 2000])
    total, now = len(channel.transmit(0.0)), 0.0
    while channel.due() is not None and channel.due() < float("inf"):
        now = channel.due()
        total += len(channel.transmit(now))
    assert 10_000 < total < 60_000
    assert now > 3600


def test_a_request_without_end_is_refused():
    """A request larger than any message is refused at its first part, not collected."""
    channel = Channel(window=3000)
    channel.receive(DataFrame(b"Q", b"a-1", 1, 999_999, b"x").line(), 0.0)
    assert (
        b"more than a message can hold"
        in console_frames.decode(next(console_frames.find_frames(channel.transmit(0.0))).payload)[
            1
        ]
    )


def test_the_largest_request_is_taken():
    """The bound is that of the documents: 300,000 bytes as they travel, and not one more."""
    channel = Channel(window=3000)
    assert ask(channel, b"a-1", [b"x" * 299_999]) == [
        rules.ConsoleRequest(b"a-1", [b"x" * 299_999])
    ]
    assert ask(channel, b"a-2", [b"x" * 300_000]) == []
    assert b"more%040than" in channel.transmit(0.0)


def test_each_part_of_a_request_is_acknowledged():
    """Repeated parts are acknowledged again, the last one by its reply."""
    channel = Channel(window=3000)
    first, second, third = (DataFrame(b"Q", b"a-1", n, 3, b"%d" % n) for n in (1, 2, 3))
    acknowledged = AckFrame(b"A", b"a-1", first.sum).line()
    for part, sent in ((third, b""), (first, acknowledged), (third, b""), (first, acknowledged)):
        assert channel.receive(part.line(), 0.0) == []
        assert channel.transmit(0.0) == sent
    assert channel.receive(second.line(), 0.0) == []
    assert channel.transmit(0.0) == AckFrame(b"A", b"a-1", second.sum).line()
    last = third._replace(payload=b"3,")
    assert channel.receive(last.line(), 0.0) == [rules.ConsoleRequest(b"a-1", [b"123"])]
    assert channel.transmit(0.0) == b""
    assert channel.receive(first.line(), 0.0) == []
    assert channel.transmit(0.0) == acknowledged


def test_nonsense_is_refused():
    """An invalid request gets an error as its reply."""
    channel = Channel(window=3000)
    assert channel.receive(DataFrame(b"Q", b"a-1", 1, 1, b"x%").line(), 0.0) == []
    assert b" 1,not" in channel.transmit(0.0)


def test_open_requests_are_bounded():
    """A flood of requests does not make memory grow."""
    channel = Channel(window=3000)
    asked = sum(len(ask(channel, b"a-%d" % n, [b"x"])) for n in range(1, 3000))
    assert asked == rules.MAX_OPEN_REQUESTS


def test_damage_is_reported_at_once():
    """A damaged frame whose ID can be read is asked for again without waiting."""
    channel = Channel(window=3000)
    channel.receive(b"<LAVA_MN Q a-1 1/1 123 sen[ 1.0] usb", 0.0)
    assert channel.transmit(0.0) == b"<LAVA_MN N a-1 0>\n"
    assert isinstance(next(console_frames.find_frames(b"<LAVA_MN A a-1 12[ 1.0]")), DamagedFrame)


def test_reply_of_a_closed_request():
    """A reply to a gone caller has no effect."""
    channel = Channel(window=3000)
    channel.reply(b"a-1", [b"0"])
    assert channel.transmit(0.0) == b""


def acknowledge_all(channel, now=0.0):
    """Acknowledge every frame as it comes; return their payloads."""
    payloads = []
    while sent := channel.transmit(now):
        for part in console_frames.find_frames(sent):
            payloads.append(part.payload)
            now += 0.01
            channel.receive(AckFrame(b"A", part.id, part.sum).line(), now)
    return payloads


def test_a_long_reply_arrives_and_leaves_the_window_open():
    """Each acknowledged frame makes room for the next, and at the end nothing is in flight."""
    channel = Channel(window=3000)
    ask(channel, b"a-1", [b"x"])
    channel.reply(b"a-1", [b"0", b"", b"y" * 20_000])
    payloads = acknowledge_all(channel)
    assert len(payloads) == 51
    assert console_frames.decode(b"".join(payloads)) == [b"0", b"", b"y" * 20_000]
    assert channel.due() is None
    for n in range(2, 50):
        ask(channel, b"a-%d" % n, [b"x"], 1.0)
        channel.reply(b"a-%d" % n, [b"0", b"", b"y" * 2000])
    assert (
        len(list(console_frames.find_frames(channel.transmit(1.0)))) == 7
    )  # of 432 bytes: 3000 are reached


def test_a_board_lives_when_it_answers_and_not_for_ever():
    """Each ping needs its own reply."""
    channel = Channel(window=3000)
    for now in (0.0, 60.0):
        channel.ping()
        assert not channel.alive
        (asked,) = console_frames.find_frames(channel.transmit(now))
        channel.receive(AckFrame(b"G", asked.id, asked.sum).line(), now + 1)
        assert channel.alive


def answered(channel, id_, size=1, now=0.0):
    """Make a request and reply to it; its first frame is ready to be sent."""
    ask(channel, id_, [b"x"], now)
    channel.reply(id_, [b"y" * size])


def acknowledge(channel, sent, now):
    """Acknowledge the one frame that was sent."""
    (part,) = console_frames.find_frames(sent)
    channel.receive(AckFrame(b"A", part.id, part.sum).line(), now)


def round_trip(channel, now, took):
    """Complete an exchange; return the timeout of the next frame."""
    answered(channel, b"a-%d" % now, now=now)
    acknowledge(channel, channel.transmit(now), now + took)
    answered(channel, b"b-%d" % now, now=now + 20)
    sent = channel.transmit(now + 20)
    patience = channel.due() - now - 20
    assert channel.transmit(channel.due()) == sent
    acknowledge(channel, sent, now + 90)  # sent twice: it tells nothing of the line
    return patience


def test_a_frame_is_sent_again_after_what_the_line_takes():
    """The round trip is measured, as TCP does (RFC 6298)."""
    channel = Channel(window=3000)
    patience = [round_trip(channel, n, took) for n, took in ((0, 0.1), (100, 0.2), (200, 0.01))]
    assert patience == pytest.approx([0.3, 0.3625, 0.3896875])


def test_the_patience_is_bounded():
    """The timeout has a lower and an upper limit."""
    assert round_trip(Channel(window=3000), 0, 0.001) == pytest.approx(0.2)
    assert round_trip(Channel(window=3000), 0, 15.0) == pytest.approx(10.0)


def test_each_loss_makes_all_more_patient():
    """After a loss, the timeouts of this frame and of the next one increase."""
    channel = Channel(window=3000)
    answered(channel, b"a-1")
    channel.transmit(0.0)
    assert channel.due() == pytest.approx(0.7)
    assert channel.transmit(0.69) == b""
    assert channel.transmit(0.7) != b""
    assert channel.due() == pytest.approx(0.7 + 0.7 * 1.5 * 1.5)
    answered(channel, b"a-2", 1, 1.0)
    channel.transmit(1.0)
    assert channel.due() == pytest.approx(1.0 + 0.7 * 1.5)
    assert channel.resent == 1


def test_a_call_may_be_answered_by_its_acknowledgement():
    """A completed request is acknowledged once, and only for a live caller."""
    channel = Channel(window=3000)
    channel.acknowledge(b"a-1")
    assert channel.transmit(0.0) == b""
    request = DataFrame(b"Q", b"a-1", 1, 1, b"x,")
    channel.receive(request.line(), 0.0)
    channel.acknowledge(b"a-1")
    ack = AckFrame(b"A", b"a-1", request.sum).line()
    assert channel.transmit(0.0) == ack
    assert channel.due() is None
    channel.receive(request.line(), 1.0)  # it has not heard us
    assert channel.transmit(1.0) == ack


def test_a_frame_that_the_board_reports_as_damaged_is_sent_at_once():
    """A NAK sends the frame in flight at once; without one it has no effect."""
    channel = Channel(window=3000)
    damaged = AckFrame(b"N", b"a-1", b"0").line()
    channel.receive(damaged, 0.0)
    answered(channel, b"a-1")
    channel.receive(damaged, 0.0)
    sent = channel.transmit(0.0)
    assert sent.startswith(b"<LAVA_MN R a-1 1/1 ")
    channel.receive(damaged, 0.01)
    assert channel.transmit(0.01) == sent
    assert channel.transmit(0.02) == b""


def test_a_damaged_acknowledgement_has_its_frame_sent_again():
    """A damaged frame is sent again at once, up to a limit."""
    channel = Channel(window=3000)
    torn = b"<LAVA_MN A a-1 12[ 1.0]"
    channel.receive(torn, 0.0)
    assert channel.transmit(0.0) == b""
    answered(channel, b"a-1")
    channel.receive(torn, 0.0)
    sent = channel.transmit(0.0)
    for n in range(8):
        channel.receive(torn, 0.01 * n)
        assert channel.transmit(0.01 * n) == sent
    channel.receive(torn, 0.1)
    assert channel.transmit(0.1) == b""
    later = channel.due()
    assert later > 0.2
    assert channel.transmit(later) == sent
    channel.receive(torn, later)
    assert channel.transmit(later) == sent
