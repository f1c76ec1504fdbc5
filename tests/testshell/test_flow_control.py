"""Pieces that fit into a UART arrive in order, each once, over a line that loses them."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lava_dispatcher_multinode.testshell.flow_control import StopAndWait

LINES = st.lists(st.binary(min_size=1, max_size=60).map(lambda b: b.hex().encode()), max_size=6)


class Reader:
    """The counterpart of lib/lava-channel."""

    def __init__(self):
        self.last = None
        self.text = b""

    def take(self, data):
        """Process the written bytes; return the replies."""
        answers = []
        for line in data.split(b"\n"):
            if line[:1] == b"=":
                answers.append(b"<LAVA_MN K %b>" % line[1:2])
                if line[:2] != self.last:
                    self.last = line[:2]
                    self.text += line[2:]
        return answers


@given(LINES, st.integers(), st.sampled_from([0.0, 0.3]))
def test_all_arrives_once(lines, seed, loss):
    """Whatever is lost either way, the text is whole, and no piece is too long."""
    generator = random.Random(seed)
    flow_control, reader, now = StopAndWait(16), Reader(), 0.0
    flow_control.send(b"".join(line + b"\n" for line in lines))
    for _ in range(2000):
        due = flow_control.due()
        if due is None:
            break
        now = max(now, due)
        data = flow_control.transmit(now)
        assert len(data) <= 16
        if generator.random() >= loss:
            for answer in reader.take(data):
                if generator.random() >= loss:
                    flow_control.receive(answer, now + 0.01)
    assert flow_control.idle
    assert reader.text == b"".join(lines)


def test_a_piece_is_of_one_frame():
    """The end of a frame is the end of a piece, or the board would lose one of two."""
    flow_control = StopAndWait(1000)
    flow_control.send(b"<one>\n<two>\n")
    assert flow_control.transmit(0.0) == b"=0<one>\n"
    flow_control.receive(b"<LAVA_MN K 0>", 0.1)
    assert flow_control.transmit(0.1) == b"=1<two>\n"


@pytest.mark.parametrize("line", [b"", b"<LAVA_MN K 1>", b"<LAVA_MN K >", b"LAVA_MN K 0"])
def test_other_lines(line):
    """Other acknowledgements have no effect."""
    flow_control = StopAndWait(16)
    flow_control.send(b"x\n")
    flow_control.transmit(0.0)
    flow_control.receive(line, 0.1)
    assert not flow_control.idle


def test_patience():
    """A piece is sent again soon where answers come soon, then ever later."""
    flow_control = StopAndWait(16)
    flow_control.send(b"x" * 100)
    now = 0.0
    for number in range(6):
        flow_control.transmit(now)
        now += 0.001
        flow_control.receive(b"<LAVA_MN K %d>" % number, now)
    assert flow_control.transmit(now).startswith(b"=6")
    first = flow_control.due() - now
    assert flow_control.transmit(flow_control.due()).startswith(b"\n=6")
    assert first < 0.1 < flow_control.due()
