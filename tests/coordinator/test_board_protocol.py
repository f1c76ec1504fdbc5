"""The protocol of lines, without a socket."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lava_dispatcher_multinode import console_frames
from lava_dispatcher_multinode.coordinator import board_protocol
from lava_dispatcher_multinode.coordinator.board_protocol import (
    BoardCalls,
    BoardRequest,
    ReplyCache,
    ReplyRoute,
)
from lava_dispatcher_multinode.coordinator.pending_replies import ClientSession
from lava_dispatcher_multinode.coordinator.protocol import (
    MAX_LINE_BYTES,
    BoardLine,
    BoardLineError,
    FrameReader,
    encode_frame,
)
from lava_dispatcher_multinode.multinode.api import Api, Call, Outcome, Status, refused


def board_line(*words, tag=b"1f-2"):
    """Return a request's line, without its newline."""
    part = console_frames.DataFrame(
        b"Q", tag, 1, 1, console_frames.encode(word.encode() for word in words)
    )
    return part.line().rstrip(b"\n")


def test_a_valid_line():
    """A line has node, secret and call; a terminal's carriage return is ignored."""
    line = board_line("panda01", "s3", "wait-all", "ready", "role=server", "timeout=5")
    call = Call(Api.WAIT_ALL, "ready", role="server", timeout=5.0, request_id="1f-2")
    got = board_protocol.parse_line(line)
    assert got == ("1f-2", "panda01", "s3", line.split()[4], call)
    assert got.call.request_id == "1f-2"
    assert board_protocol.format_acknowledgement(got) == b"<LAVA_MN A 1f-2 %b>\n" % line.split()[4]
    assert board_protocol.parse_line(line + b"\r") == board_protocol.parse_line(line)


@given(st.dictionaries(st.from_regex(r"[\w.-]+", fullmatch=True), st.text()))
def test_data_comes_as_it_was_sent(data):
    """Data arrives unchanged, with all characters."""
    words = [f"{key}={value}".encode("utf-8", "surrogatepass") for key, value in data.items()]
    text = console_frames.encode([b"a", b"s", b"send", b"x", *words])
    line = console_frames.DataFrame(b"Q", b"1-1", 1, 1, text).line()[:-1]
    got = board_protocol.parse_line(line).call.data
    sent = [f"{key}={value}".encode("utf-8", "surrogateescape") for key, value in got.items()]
    assert sent == words


@pytest.mark.parametrize(
    ("line", "tag", "why"),
    [
        (b"<LAVA_MN Q 1-1 1/1 5 a,", None, "not a line"),
        (b"<", None, "not a line"),
        (board_line("a", "s", "sync", "x").replace(b" 1/1 ", b" 1/2 "), None, "not a line"),
        (board_line("a", "s", "sync", "x").replace(b"sync", b"sink"), "1f-2", "checksum"),
        (board_line("a", "s"), "1f-2", "at least two words"),
        (board_line("a"), "1f-2", "not a valid call"),
        (board_line(), "1f-2", "not a valid call"),
        (board_line("a", "s", "shout", "x"), "1f-2", "no call 'shout'"),
        (board_line("a", "s", "sync", "x", "timeout=nan"), "1f-2", "not a number of seconds"),
    ],
)
def test_an_invalid_line_is_refused(line, tag, why):
    """The error reply has the reason, and the ID if it is readable."""
    with pytest.raises(BoardLineError, match=why) as caught:
        board_protocol.parse_line(line)
    assert caught.value.id == tag


def test_a_name_that_is_not_utf_8():
    """A name with invalid UTF-8 is refused."""
    text = console_frames.encode([b"\xff", b"s", b"sync", b"x"])
    line = console_frames.DataFrame(b"Q", b"1-1", 1, 1, text).line()[:-1]
    with pytest.raises(BoardLineError, match="not a valid call"):
        board_protocol.parse_line(line)


def test_frames_and_lines_in_one_stream():
    """Frames and lines arrive in order, in any pieces."""
    stream = (
        encode_frame({"a": 1}) + board_line("a", "s", "sync", "x") + b"\n" + encode_frame({"b": 2})
    )
    for size in (1, 7, len(stream)):
        cut, got = FrameReader(100), []
        for start in range(0, len(stream), size):
            cut.feed(stream[start : start + size])
            while (body := cut.read_next()) is not None:
                got.append((type(body), bytes(body)))
        assert got == [
            (bytes, b'{"a":1}'),
            (BoardLine, board_line("a", "s", "sync", "x")),
            (bytes, b'{"b":2}'),
        ]
        assert not cut.unread


def test_a_line_is_bounded():
    """The length of a line is limited, with and without its end."""
    for end in (b"", b"\n"):
        cut = FrameReader(100)
        cut.feed(b"<" * (MAX_LINE_BYTES + 1) + end)
        with pytest.raises(BoardLineError, match="a line of more than"):
            cut.read_next()
    cut = FrameReader(100)
    cut.feed(b"<" * MAX_LINE_BYTES + b"\n")
    assert len(cut.read_next()) == MAX_LINE_BYTES


def test_a_framed_body_is_no_line():
    """A body that looks like a line is read as JSON."""
    cut = FrameReader(100)
    cut.feed(b"00000003<a>")
    assert type(cut.read_next()) is bytes


def test_replies_are_kept_within_bounds(monkeypatch):
    """The reply cache is limited in number and bytes; the oldest reply is dropped first."""
    monkeypatch.setattr(board_protocol, "MAX_CACHED_REPLIES", 3)
    monkeypatch.setattr(board_protocol, "MAX_CACHED_CHARS", 10)
    call = Call(Api.WAIT, "x")
    cache = ReplyCache()
    for number, tag in enumerate("abcd"):
        assert not cache.begin(tag)
        cache.pending[tag] = number
        cache.store(tag, call, Outcome(Status.DONE, (("b", {"k": "v"}),)))
    assert list(cache.replies) == ["b", "c", "d"]
    assert cache.begin("d")
    cache.begin("e")
    cache.pending["e"] = 5
    large = Outcome(Status.DONE, (("b", {"k": "v" * 10}),))
    cache.store("e", call, large)
    assert list(cache.replies.items()) == [("e", (call, large, 11))]
    assert cache.pending == {}


CALL = Call(Api.WAIT, "x")
ASKED = BoardRequest(id="1-1", node="a", secret="secret", sum=b"7", call=CALL)
DONE = Outcome(Status.DONE, (("b", {"k": "v"}),))


class Peer:
    """Records what it is sent."""

    def __init__(self):
        self.sent, self.left = [], False

    def write(self, line):
        """Record a line."""
        self.sent.append(line)

    def hang_up(self):
        """Record the disconnection."""
        self.left = True


def register(calls, session, asked=ASKED):
    """Register a request of a connection."""
    return calls.register(asked.node, asked.id, ReplyRoute(session, line=asked))


def test_the_last_connection_is_answered_and_a_repeated_request_gets_the_same_reply():
    """The call is made once; the earlier connection is closed."""
    calls = BoardCalls()
    first, second, third = (ClientSession(Peer()) for _ in range(3))
    pending, again = register(calls, first)
    assert not again
    assert register(calls, second) == (None, True)
    assert first.peer.left
    pending.send_outcome(CALL, DONE)
    assert register(calls, third) == (None, True)
    assert first.peer.sent == []
    assert second.peer.sent == third.peer.sent
    assert b"b:k=v" in third.peer.sent[0]
    assert [first.pending, second.pending, third.pending] == [set(), set(), set()]


def test_a_board_that_reconnects_repeats_its_request():
    """A repeated request sends its message once; requests of other boards are separate."""
    calls = BoardCalls()
    gone = ClientSession(Peer())
    pending, _ = register(calls, gone)
    gone.pending = set()
    pending.drop()
    pending.send_outcome(CALL, refused("hung up"))
    assert gone.peer.sent == []
    anew, again = register(calls, ClientSession(Peer()))
    assert anew is not None
    assert again
    other, again = register(calls, ClientSession(Peer()), ASKED._replace(node="b"))
    assert other is not None
    assert not again
