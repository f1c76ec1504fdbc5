"""Lines of boards, over real sockets."""

import queue
import socket
import subprocess
import threading
from collections import Counter

import pytest

from lava_dispatcher_multinode import console_frames
from lava_dispatcher_multinode.coordinator import server_loop
from lava_dispatcher_multinode.coordinator.protocol import MAX_LINE_BYTES
from lava_dispatcher_multinode.multinode.api import Api, Call

SECRETS = {"a": "secret-a", "b": "secret-b"}


class Board:
    """A script on a board with a plain socket."""

    def __init__(self, serve, coordinator, name="a", secret="secret-a"):
        self.raw = serve.raw(coordinator)
        self.name, self.secret = name, secret
        self.acknowledged = []

    def write(self, *words, tag="1-1"):
        """Send a request."""
        words = [self.name, self.secret, *words]
        text = console_frames.encode(word.encode() for word in words)
        self.raw.send(console_frames.DataFrame(b"Q", tag.encode(), 1, 1, text).line())

    def read(self):
        """Return (ID, words) of the next reply, or None at the end."""
        line = self.raw.file.readline()
        if line.startswith(b"<LAVA_MN A "):
            self.acknowledged.append(line.split()[2].decode())
            return self.read()
        if not line:
            return None
        head, mark, tag, parts, total, payload = line.rstrip(b">\n").split(b" ")
        assert (head, mark, parts) == (b"<LAVA_MN", b"R", b"1/1")
        assert console_frames.DataFrame(b"R", tag, 1, 1, payload).sum == total
        return tag.decode(), [word.decode() for word in console_frames.decode(payload)]

    def ask(self, *words, tag="1-1"):
        """Send a request and return the words of its reply."""
        self.write(*words, tag=tag)
        got, reply = self.read()
        assert got == tag
        return reply


@pytest.fixture
def coordinator(serve):
    """Return a coordinator of two boards."""
    return serve(secrets=SECRETS)


def other(serve, coordinator):
    """Return the other board, as a member in the dispatcher."""
    return serve.member(coordinator, "b", secret="secret-b")


def test_calls(serve, coordinator):
    """The reply to each call has the exit code, the message and the data."""
    board, b = Board(serve, coordinator), other(serve, coordinator)
    assert board.ask("send", "x", "k=1 <2>,%", tag="1-1") == ["0", ""]
    assert b.call(Call(Api.WAIT, "x")).data == (("a", {"k": "1 <2>,%"}),)
    board.write("wait-all", "y", "role=r", tag="1-2")
    board.write("sync", "z", tag="1-3")
    b.call(Call(Api.SEND, "y", {"ip": "ü"}))
    assert board.read() == ("1-2", ["0", "", "b:ip=ü"])
    b.call(Call(Api.SYNC, "z"))
    assert board.read() == ("1-3", ["0", ""])
    code, sentence = board.ask("wait", "never", "timeout=0.01", tag="1-4")
    assert code == "3"
    assert "timed out" in sentence
    coordinator.node_failed("b", "kernel panic")
    assert board.ask("wait", "never", tag="1-5")[0] == "4"


def test_strangers_are_refused(serve, coordinator, watch):
    """Without the right secret, nothing is sent, and the secret is not logged."""
    for name, secret in (("a", "a-guess"), ("z", "secret-a"), ("b", "secret-a"), ("a", "")):
        board = Board(serve, coordinator, name, secret)
        code, sentence = board.ask("send", "x")
        assert code == "1"
        assert "secret" in sentence
        assert board.read() is None
    board = Board(serve, coordinator)
    assert board.ask("send", "y", tag="1-2") == ["0", ""]
    board.name, board.secret = "b", "secret-b"
    assert "belongs to 'a'" in board.ask("send", "x", tag="1-3")[1]
    watch.until("message", id="y")
    assert [fields["id"] for event, fields in watch.events if event == "message"] == ["y"]
    logged = [fields["text"] for event, fields in watch.events if event == "log"]
    assert "a-guess" not in str(logged)


def test_a_name_without_a_secret_has_no_lines(serve):
    """A name without a secret cannot use lines."""
    board = Board(serve, serve(), secret="")
    assert board.ask("send", "x")[0] == "1"


def test_a_repeated_request_is_made_once(serve, coordinator, watch):
    """A repeated request, also on a new connection, gets the first reply and has no effect."""
    first, b = Board(serve, coordinator), other(serve, coordinator)
    assert first.ask("send", "x", "k=v") == ["0", ""]
    assert Board(serve, coordinator).ask("send", "x", "k=v") == ["0", ""]
    b.call(Call(Api.SEND, "queue", {"n": "1"}))
    b.call(Call(Api.SEND, "queue", {"n": "2"}))
    assert first.ask("wait", "queue", "next", tag="1-2") == ["0", "", "b:n=1"]
    assert Board(serve, coordinator).ask("wait", "queue", "next", tag="1-2")[2] == "b:n=1"
    assert first.ask("wait", "queue", "next", tag="1-3") == ["0", "", "b:n=2"]
    watch.until("wait_finished", node="a", senders=["b"])
    messages = [fields for event, fields in watch.events if event == "message"]
    assert [message["from"] for message in messages] == ["a", "b", "b"]


def test_a_board_that_reconnects_gets_the_reply(serve, coordinator, watch):
    """After a lost connection, the wait continues and a lava-sync counts once."""
    boards = [Board(serve, coordinator) for _ in range(3)]
    boards[0].write("sync", "x")
    watch.until("wait_started", node="a")
    boards[1].write("sync", "x")
    assert boards[0].read() is None
    boards[1].raw.reset()
    watch.until("wait_finished", node="a")
    boards[2].write("sync", "x")
    b = other(serve, coordinator)
    assert b.call(Call(Api.SYNC, "x")).status == "done"
    assert boards[2].read() == ("1-1", ["0", ""])
    assert b.call(Call(Api.SYNC, "x", timeout=0.01)).status == "timeout"


@pytest.mark.parametrize(
    "line",
    [b"<\n", b"<LAVA_MN Q 1-1 1/1 0 >\n", b"<" + b"x" * (MAX_LINE_BYTES + 1), b"<\xff\x00\n"],
)
def test_bad_lines(serve, coordinator, line):
    """A malformed line of an unauthenticated client is answered, and the connection closed."""
    board = Board(serve, coordinator)
    board.raw.send(line)
    _, (code, sentence) = board.read()
    assert code == "1"
    assert sentence
    assert board.read() is None


def test_a_bad_line_of_a_board_costs_that_line_only(serve, coordinator):
    """After a malformed line, the board's next line is answered."""
    board = Board(serve, coordinator)
    assert board.ask("send", "x") == ["0", ""]
    board.raw.send(b"<noise>\n")
    assert board.read()[1][0] == "1"
    assert board.ask("send", "y", tag="1-2") == ["0", ""]


def test_60_kb_byte_by_byte(serve, coordinator):
    """The largest message arrives, all of it escaped, in pieces."""
    board, b = Board(serve, coordinator), other(serve, coordinator)
    value = "\x01" * (60 * 1024 - 3)
    assert board.ask("send", "x", f"k={value}") == ["0", ""]
    assert b.call(Call(Api.WAIT, "x")).data == (("a", {"k": value}),)


def test_a_line_has_its_time(serve, coordinator, monkeypatch):
    """A line that is sent too slowly closes the connection."""
    monkeypatch.setattr(server_loop, "REQUEST_TIMEOUT_S", 0.1)
    board = Board(serve, coordinator)
    board.raw.send(b"<LAVA_MN Q")
    assert board.raw.file.read() == b""  # the end, and nothing before it


SCRIPT = r"""
exec 3<>"/dev/tcp/$1/$2"
body="Q 1f-$$ 1/1 a,$3,send,x,k=v%040w,"
sum=$(printf '%s\n' "$body" | cksum)
printf '<LAVA_MN Q %s 1/1 %s %s>\n' "1f-$$" "${sum%% *}" "a,$3,send,x,k=v%040w," >&3
read -r acknowledgement <&3
read -r reply <&3
echo "$acknowledgement$reply"
"""


@pytest.mark.needs("bash")
def test_a_script(serve, coordinator):
    """A script needs only bash's sockets and cksum."""
    host, port = coordinator.address
    words = ["bash", "-c", SCRIPT, "script", host, str(port), SECRETS["a"]]
    out = subprocess.run(words, capture_output=True, timeout=20, check=True).stdout
    assert b" 0,,>" in out
    data = other(serve, coordinator).call(Call(Api.WAIT, "x")).data
    assert data == (("a", {"k": "v w"}),)


def test_a_request_may_have_an_md5_sum(serve, coordinator):
    """A request with an md5sum, as from a board without cksum, is accepted."""
    board = Board(serve, coordinator)
    text = console_frames.encode([b"a", b"secret-a", b"send", b"x"])
    part = console_frames.DataFrame(b"Q", b"1-2", 1, 1, text, md5=True)
    board.raw.send(part.line())
    assert board.raw.file.readline() == console_frames.AckFrame(b"A", b"1-2", part.sum).line()
    assert board.read() == ("1-2", ["0", ""])


def test_a_half_closed_connection(serve, coordinator):
    """After `printf ... | nc -N` shuts its side down, the reply still arrives."""
    board = Board(serve, coordinator)
    board.write("wait", "x")
    board.raw.socket.shutdown(socket.SHUT_WR)
    other(serve, coordinator).call(Call(Api.SEND, "x", {"k": "v"}))
    assert board.read() == ("1-1", ["0", "", "b:k=v"])
    assert board.read() is None


def test_many_requests_and_the_end(serve, coordinator):
    """Each request is acknowledged at once, and again to detect a closed connection."""
    board, tags = (
        Board(serve, coordinator),
        [f"1-{number}" for number in range(3 * server_loop.MAX_REQUESTS_IN_A_ROW)],
    )
    for tag in tags:
        board.write("wait", "x", tag=tag)
    board.raw.socket.shutdown(socket.SHUT_WR)
    other(serve, coordinator).call(Call(Api.SEND, "x"))
    assert [board.read()[0] for _ in tags] == tags
    assert board.read() is None
    assert set(Counter(board.acknowledged).values()) <= {1, 2}


def test_a_board_that_hangs_up(serve, coordinator, watch):
    """A closed connection ends its wait, unlike a half-closed one."""
    board = Board(serve, coordinator)
    board.write("wait", "x")
    watch.until("wait_started", node="a")
    board.raw.file.readline()
    board.raw.close()
    watch.until("wait_finished", node="a")


def test_a_request_is_acknowledged(serve, coordinator):
    """The acknowledgement, with the request's checksum, precedes the reply."""
    board = Board(serve, coordinator)
    assert board.ask("send", "x") == ["0", ""]
    text = console_frames.encode([b"a", b"secret-a", b"send", b"x"])
    assert board.acknowledged == ["1-1"]
    board.raw.send(console_frames.DataFrame(b"Q", b"1-2", 1, 1, text).line())
    want = b"<LAVA_MN A 1-2 %b>\n" % console_frames.DataFrame(b"Q", b"1-2", 1, 1, text).sum
    assert board.raw.file.readline() == want


def test_a_request_that_continues_over_the_console(serve, coordinator, watch):
    """A request repeated on the console is the same call; other calls are not affected."""
    board, b = Board(serve, coordinator), other(serve, coordinator)
    a = serve.member(coordinator, "a", secret="secret-a")
    answers = queue.SimpleQueue()
    a.submit(Call(Api.WAIT, "other"), answers.put)
    board.write("sync", "x", tag="1-2")
    watch.until("wait_started", id="x")
    a.submit(Call(Api.SYNC, "x", request_id="1-2"), answers.put)
    assert board.read() is None
    assert b.call(Call(Api.SYNC, "x")).status == "done"
    assert answers.get(timeout=20).status == "done"
    assert b.call(Call(Api.SYNC, "x", timeout=0.01)).status == "timeout"
    assert Board(serve, coordinator).ask("sync", "x", tag="1-2") == ["0", ""]
    b.call(Call(Api.SEND, "other", {"k": "v"}))
    assert answers.get(timeout=20).data == (("b", {"k": "v"}),)


def test_calls_in_lines_are_reported(serve):
    """Calls in lines, and only those, are reported before their reply."""
    told = []
    coordinator = serve(secrets=SECRETS, on_reply=lambda *about: told.append(about))
    other(serve, coordinator).call(Call(Api.SEND, "y"))
    assert Board(serve, coordinator).ask("send", "x") == ["0", ""]
    assert [(node, call.id, outcome.status) for node, call, outcome in told] == [
        ("a", "x", "done")
    ]


def test_a_listener_that_fails_does_not_keep_it_from_ending(serve):
    """A failing observer does not block the end of the coordinator."""

    def on_reply(node, call, outcome):
        raise ZeroDivisionError

    coordinator = serve(secrets=SECRETS, on_reply=on_reply)
    board = Board(serve, coordinator)
    board.write("wait", "never")
    board.raw.file.readline()  # it has the request
    thread = threading.Thread(target=coordinator.close, daemon=True)
    thread.start()
    thread.join(30)
    assert not thread.is_alive()
