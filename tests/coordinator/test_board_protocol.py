"""The lines of boards, without a socket."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lava_dispatcher_multinode import console_frames
from lava_dispatcher_multinode.coordinator import board_protocol
from lava_dispatcher_multinode.coordinator.protocol import (
    MAX_LINE,
    Frames,
    Line,
    LineError,
    encode,
)
from lava_dispatcher_multinode.multinode.api import Api, Call, Outcome, Status


def question(*words, tag=b"1f-2"):
    """Return a question's line, without its newline."""
    part = console_frames.DataFrame(
        b"Q", tag, 1, 1, console_frames.encode(word.encode() for word in words)
    )
    return part.line().rstrip(b"\n")


def test_a_question():
    """Who, with what proof, and the call; a line of a terminal's is the same."""
    line = question("panda01", "s3", "wait-all", "ready", "role=server", "timeout=5")
    call = Call(Api.WAIT_ALL, "ready", role="server", timeout=5.0, question="1f-2")
    got = board_protocol.read(line)
    assert got == ("1f-2", "panda01", "s3", line.split()[4], call)
    assert got.call.question == "1f-2"
    assert board_protocol.acknowledgement(got) == b"<LAVA_MN A 1f-2 %b>\n" % line.split()[4]
    assert board_protocol.read(line + b"\r") == board_protocol.read(line)


@given(st.dictionaries(st.from_regex(r"[\w.-]+", fullmatch=True), st.text()))
def test_data_comes_as_it_was_sent(data):
    """Whatever characters it has."""
    words = [f"{key}={value}".encode("utf-8", "surrogatepass") for key, value in data.items()]
    text = console_frames.encode([b"a", b"s", b"send", b"x", *words])
    line = console_frames.DataFrame(b"Q", b"1-1", 1, 1, text).line()[:-1]
    got = board_protocol.read(line).call.data
    sent = [f"{key}={value}".encode("utf-8", "surrogateescape") for key, value in got.items()]
    assert sent == words


@pytest.mark.parametrize(
    ("line", "tag", "why"),
    [
        (b"<LAVA_MN Q 1-1 1/1 5 a,", None, "not a line"),
        (b"<", None, "not a line"),
        (question("a", "s", "sync", "x").replace(b" 1/1 ", b" 1/2 "), None, "not a line"),
        (question("a", "s", "sync", "x").replace(b"sync", b"sink"), "1f-2", "checksum"),
        (question("a", "s"), "1f-2", "at least two words"),
        (question("a"), "1f-2", "not a question"),
        (question(), "1f-2", "not a question"),
        (question("a", "s", "shout", "x"), "1f-2", "no call 'shout'"),
        (question("a", "s", "sync", "x", "timeout=nan"), "1f-2", "not a number of seconds"),
    ],
)
def test_what_is_no_question(line, tag, why):
    """A sentence says why, for the ID as far as it can be read."""
    with pytest.raises(LineError, match=why) as caught:
        board_protocol.read(line)
    assert caught.value.id == tag


def test_a_name_that_is_not_utf_8():
    """Is a refusal, no accident."""
    text = console_frames.encode([b"\xff", b"s", b"sync", b"x"])
    line = console_frames.DataFrame(b"Q", b"1-1", 1, 1, text).line()[:-1]
    with pytest.raises(LineError, match="not a question"):
        board_protocol.read(line)


def test_frames_and_lines_in_one_stream():
    """In any pieces, in order."""
    stream = encode({"a": 1}) + question("a", "s", "sync", "x") + b"\n" + encode({"b": 2})
    for size in (1, 7, len(stream)):
        cut, got = Frames(100), []
        for start in range(0, len(stream), size):
            cut.feed(stream[start : start + size])
            while (body := cut.next()) is not None:
                got.append((type(body), bytes(body)))
        assert got == [
            (bytes, b'{"a":1}'),
            (Line, question("a", "s", "sync", "x")),
            (bytes, b'{"b":2}'),
        ]
        assert not cut.left


def test_a_line_is_bounded():
    """With and without its end."""
    for end in (b"", b"\n"):
        cut = Frames(100)
        cut.feed(b"<" * (MAX_LINE + 1) + end)
        with pytest.raises(LineError, match="a line of more than"):
            cut.next()
    cut = Frames(100)
    cut.feed(b"<" * MAX_LINE + b"\n")
    assert len(cut.next()) == MAX_LINE


def test_a_framed_body_is_no_line():
    """What looks like one inside of a frame is JSON, or nothing."""
    cut = Frames(100)
    cut.feed(b"00000003<a>")
    assert type(cut.next()) is bytes


def test_answers_are_remembered_within_bounds(monkeypatch):
    """By number and by bytes, the oldest goes first and the newest stays."""
    monkeypatch.setattr(board_protocol, "REMEMBERED", 3)
    monkeypatch.setattr(board_protocol, "MAX_KEPT", 10)
    call = Call(Api.WAIT, "x")
    asked = board_protocol.Asked()
    for number, tag in enumerate("abcd"):
        assert not asked.begin(tag)
        asked.tickets[tag] = number
        asked.end(tag, call, Outcome(Status.DONE, (("b", {"k": "v"}),)))
    assert list(asked.answers) == ["b", "c", "d"]
    assert asked.begin("d")
    asked.begin("e")
    asked.tickets["e"] = 5
    large = Outcome(Status.DONE, (("b", {"k": "v" * 10}),))
    asked.end("e", call, large)
    assert list(asked.answers.items()) == [("e", (call, large, 11))]
    assert asked.tickets == {}
