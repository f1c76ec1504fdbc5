"""Nothing that a connection sends, or does not send, disturbs other connections.

The first tests are the rows of "Hostile or unlucky input" in docs/reference/coordinator.md.
"""

import asyncio
import contextlib
import json
import random
import socket
import sys
import threading
import time
from contextlib import closing

import pytest

from lava_dispatcher_multinode.coordinator import access, listeners, server
from lava_dispatcher_multinode.coordinator import server_loop as module
from lava_dispatcher_multinode.coordinator.protocol import MAX_REQUEST_BYTES, encode_frame
from lava_dispatcher_multinode.multinode.api import Api, Call

REQUEST = {
    "request": "lava_send",
    "client_name": "a",
    "group_name": "group-1",
    "role": "r",
    "hostname": "",
    "messageID": "m",
}


def without(*keys, **others):
    """Return the frame of a valid request with some keys removed or wrong."""
    return encode_frame({k: v for k, v in (REQUEST | others).items() if k not in keys})


def framed(body):
    """Return the frame of arbitrary bytes."""
    return b"%08X%b" % (len(body), body)


class Barrier:
    """Two members that check the group by a barrier; `a` is used for attacks."""

    def __init__(self, serve):
        self.coordinator = serve({"p": "m", "q": "m", "a": "r"})
        self.members = [serve.member(self.coordinator, name, "m") for name in "pq"]
        self.count = 0

    def holds(self):
        """Return True if both members are released by a barrier."""
        self.count += 1
        message = f"barrier-{self.count}"
        for member, name in zip(self.members, "pq", strict=True):
            member.submit(Call(Api.SEND, message, {"name": name}), lambda _: None)
        waits = [member.ask("wait-all", message, role="m") for member in self.members]
        data = [wait().data for wait in waits]
        return data == [(("q", {"name": "q"}),), (("p", {"name": "p"}),)]


@pytest.fixture
def barrier(serve):
    """Return the members whose barriers must work."""
    return Barrier(serve)


BAD_FRAMES = {
    "bad UTF-8 in the header": b"\xff" * 8,
    "bad UTF-8 in the body": framed(b'{"a":"\xff"}'),
    "JSON 5": framed(b"5"),
    "a list": framed(b"[]"),
    "not JSON": framed(b"lava"),
    "an empty body": b"00000000",
    "no request": without("request"),
    "no client_name": without("client_name"),
    "no group_name": without("group_name"),
    "client_name a list": without(client_name=["a"]),
    "group_size a word": without(request="group_data", group_size="abc"),
    "deep nesting": framed(b"[" * 200_000),
    "a length of 4 GB": b"FFFFFFFF",
    "a negative length": b"-0000001",
    "HTTP": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "a wrong group": without(group_name="other"),
    "a name that is not in the group": without(client_name="z"),
    "a role that is not the name's": without(role="boss"),
}


@pytest.mark.parametrize("frame", BAD_FRAMES.values(), ids=BAD_FRAMES)
def test_bad_frames(serve, barrier, frame):
    """A bad frame gets a nack with a reason and is disconnected; others are not affected."""
    raw = serve.raw(barrier.coordinator)
    raw.send(frame)
    reply = raw.reply()
    assert reply["response"] == "nack"
    assert reply["reason"]
    assert raw.reply() is None
    assert barrier.holds()


def test_missing_hostname_or_role_is_no_error(serve, barrier):
    """A known member needs neither field."""
    raw = serve.raw(barrier.coordinator)
    raw.send(without("hostname", "role"))
    assert raw.reply() == {"response": "ack"}


def test_an_unknown_role(serve, barrier):
    """An unknown role, which crashes LAVA's coordinator, is refused."""
    raw = serve.raw(barrier.coordinator)
    reply = raw.ask("lava_wait_all", messageID="x", waitrole="serverr")
    assert reply["response"] == "nack"
    assert "no device of the group has the role 'serverr'" in reply["reason"]
    assert raw.ask("lava_send", messageID="x") == {"response": "ack"}
    assert barrier.holds()


def test_silent_clients(serve, barrier):
    """Clients that send nothing, or part of a header or body, delay no others."""
    for start in (b"", b"0000", without()[:-1], framed(b"x" * 5000)[:100]):
        serve.raw(barrier.coordinator).send(start)
    assert barrier.holds()


def test_a_silent_client_while_others_give_up(serve, barrier):
    """Replies to closed connections do no harm, nor does a silent client's end."""
    silent = serve.raw(barrier.coordinator)
    for end in ("close", "reset", "close"):
        raw = serve.raw(barrier.coordinator)
        raw.request("lava_sync", messageID="x")
        getattr(raw, end)()
    silent.close()
    assert barrier.holds()


def test_clients_that_do_not_wait_for_the_reply(serve, barrier):
    """A request closed or reset at any byte does not affect the group."""
    frame = without(request="lava_wait", hold=True)
    for length in range(0, len(frame) + 1, 9):
        for end in ("close", "reset"):
            raw = serve.raw(barrier.coordinator)
            raw.send(frame[:length])
            getattr(raw, end)()
    assert barrier.holds()


def test_a_request_cut_off_by_the_end_is_ignored(serve, barrier):
    """A truncated request is ignored."""
    raw = serve.raw(barrier.coordinator)
    raw.send(b"%08X" % (len(without()) + 100) + without()[8:])
    raw.socket.shutdown(socket.SHUT_WR)
    assert raw.reply() is None
    assert barrier.holds()


def test_requests_in_pieces_and_in_a_row(serve, barrier):
    """Split and joined requests are all answered, in order."""
    raw = serve.raw(barrier.coordinator)
    document = REQUEST | {"message": {"k": "ü" * 3000}, "id": 1}
    frame = framed(json.dumps(document, ensure_ascii=False).encode())
    for byte in frame[:50]:
        raw.send(bytes([byte]))
    raw.send(frame[50:])
    assert raw.reply() == {"response": "ack", "id": 1}
    total = 5 * module.MAX_REQUESTS_IN_A_ROW
    raw.send(b"".join(encode_frame(REQUEST | {"id": number}) for number in range(total)))
    assert [raw.reply()["id"] for _ in range(total)] == list(range(total))


def test_requests_in_a_row_before_the_end_are_answered(serve, barrier):
    """Requests before a half-close are all answered."""
    raw = serve.raw(barrier.coordinator)
    total = 3 * module.MAX_REQUESTS_IN_A_ROW
    raw.send(b"".join(encode_frame(REQUEST | {"id": number}) for number in range(total)))
    raw.socket.shutdown(socket.SHUT_WR)
    assert [raw.reply()["id"] for _ in range(total)] == list(range(total))
    assert raw.reply() is None


def test_a_held_call_of_a_half_closed_connection(serve, barrier):
    """After `nc -N` shuts its side down, the reply still arrives."""
    raw = serve.raw(barrier.coordinator)
    raw.request("lava_wait", messageID="x", hold=True)
    raw.socket.shutdown(socket.SHUT_WR)
    barrier.members[0].call(Call(Api.SEND, "x", {"k": "v"}))
    assert raw.reply()["message"] == {"p": {"k": "v"}}
    assert raw.reply() is None


def test_messages_of_60_kb_and_of_1_mb(serve, barrier):
    """60 kB always arrive; 1 MB is refused with the reason."""
    raw = serve.raw(barrier.coordinator)
    for _ in range(20):
        reply = raw.ask("lava_send", messageID="x", message={"k": "x" * 60_000})
        assert reply == {"response": "ack"}
    for _ in range(20):
        raw = serve.raw(barrier.coordinator)
        with contextlib.suppress(ConnectionError):  # told before all of it has left
            raw.request("lava_send", messageID="x", message={"k": "x" * 1_000_000})
        assert f"at most {MAX_REQUEST_BYTES} are allowed" in raw.reply()["reason"]
    assert barrier.holds()


def test_a_taken_name(serve, barrier):
    """A second node with the same name is refused; the first one's calls continue."""
    assert barrier.holds()
    raw = serve.raw(barrier.coordinator)
    assert "taken" in raw.ask("lava_send", "p", messageID="x")["reason"]
    assert barrier.holds()


def test_a_request_in_the_name_of_another_member_is_refused(serve, barrier):
    """It is refused, and the other member's waits are not affected."""
    raw = serve.raw(barrier.coordinator)
    assert raw.ask("lava_send", "a", messageID="x") == {"response": "ack"}
    assert "belongs to 'a'" in raw.ask("lava_send", "q", messageID="x")["reason"]
    assert [s for s, _ in barrier.members[0].call(Call(Api.WAIT, "x")).data] == ["a"]


def test_a_secret_is_needed(serve):
    """The group's name alone does not give access to a name with a secret."""
    coordinator = serve(secrets={"a": "right"})
    for fields in ({}, {"secret": "wrong"}, {"hold": True}):
        raw = serve.raw(coordinator)
        assert "secret" in raw.ask("lava_send", messageID="x", **fields)["reason"]
    raw = serve.raw(coordinator)
    assert raw.ask("lava_send", messageID="x", secret="right") == {"response": "ack"}


def test_random_frames(serve, barrier):
    """100,000 random frames of outsiders and a member do not affect the group."""
    chance = random.Random(1)
    alphabet = [b"{", b"}", b"[", b'"', b":", b",", b"lava_send", b"request", b"\xff", b"0", b"1"]
    values = [1, None, [], "z", {}, True, -1, 1e9, "lava_sync", "m", "r", "x" * 300]

    def frames(count):
        for _ in range(count):
            body = b"".join(chance.choices(alphabet, k=chance.randrange(12)))
            good = REQUEST | {chance.choice([*list(REQUEST), "hold", "id"]): chance.choice(values)}
            yield framed(body) if chance.randrange(2) else encode_frame(good)
        yield body  # what is no frame ends the connection

    for _ in range(50):
        raw = serve.raw(barrier.coordinator)
        raw.send(without())  # a member gets the reason and stays connected
        with contextlib.suppress(ConnectionError):
            raw.send(b"".join(frames(2000)))
        raw.close()
        assert barrier.holds()


def test_a_flood_of_a_member_does_not_hold_up_others(serve, barrier):
    """A member that floods and never reads is no longer read; others are served."""
    raw = serve.raw(barrier.coordinator)
    raw.socket.setblocking(False)
    frame = encode_frame(REQUEST | {"request": "lava_wait", "messageID": "big"}) * 500
    barrier.members[0].call(Call(Api.SEND, "big", {"k": "x" * 50_000}))
    sent = 0
    with contextlib.suppress(BlockingIOError):
        while sent < 100_000_000:
            sent += raw.socket.send(frame)
    assert sent < 100_000_000
    assert barrier.holds()


def test_idle_strangers_cannot_take_all_connections(serve, monkeypatch):
    """The oldest idle outsider is closed for a new connection; members stay."""
    monkeypatch.setattr(access, "MAX_STRANGERS", 5)
    barrier = Barrier(serve)
    assert barrier.holds()
    idle = [serve.raw(barrier.coordinator) for _ in range(20)]
    assert idle[0].reply() is None
    assert idle[-1].ask("lava_send", messageID="x") == {"response": "ack"}
    assert barrier.holds()


def test_connections_of_a_member_are_bounded(serve, monkeypatch):
    """Connections beyond a member's limit are refused, without effect on others."""
    monkeypatch.setattr(access, "MAX_CONNECTIONS_PER_MEMBER", 3)
    barrier = Barrier(serve)
    raws = [serve.raw(barrier.coordinator) for _ in range(4)]
    for raw in raws[:3]:
        assert raw.ask("lava_send", messageID="x") == {"response": "ack"}
    raws[3].request("lava_send", messageID="x")
    raws[3].reply()
    assert "connections already" in raws[3].reply()["reason"]
    for raw in (raws[0], raws[3]):
        raw.socket.shutdown(socket.SHUT_WR)
        assert raw.reply() is None
    again = serve.raw(barrier.coordinator)
    assert [again.ask("lava_send", messageID="x") for _ in range(2)] == [{"response": "ack"}] * 2
    assert barrier.holds()


def test_a_request_has_its_time(serve, monkeypatch):
    """Missing first requests and incomplete ones time out; idle members do not."""
    barrier = Barrier(serve)
    slow, idle = (serve.raw(barrier.coordinator) for _ in range(2))
    assert idle.ask("lava_send", messageID="x") == {"response": "ack"}
    assert slow.ask("lava_send", messageID="x") == {"response": "ack"}
    assert barrier.holds()
    monkeypatch.setattr(module, "REQUEST_TIMEOUT_S", 0.1)
    silent = serve.raw(barrier.coordinator)
    slow.send(without()[:20])
    assert silent.reply() is None
    assert slow.reply() is None
    assert idle.ask("lava_send", messageID="x") == {"response": "ack"}
    assert barrier.holds()


def test_a_client_that_does_not_read_is_closed(serve, monkeypatch):
    """A client that does not read its replies is closed."""
    monkeypatch.setattr(module, "STALL_TIMEOUT_S", 0.1)
    barrier = Barrier(serve)
    barrier.members[0].call(Call(Api.SEND, "big", {"k": "x" * 60_000}))
    raw = serve.raw(barrier.coordinator)
    with contextlib.suppress(ConnectionError):
        while True:
            raw.request("lava_wait", messageID="big", hold=True)
    assert barrier.holds()


def test_a_disconnected_client_that_goes_on_sending_is_closed_in_time(serve, barrier, monkeypatch):
    """Input after a disconnect is discarded and does not delay the close."""
    monkeypatch.setattr(module, "LINGER_S", 0.3)
    raw = serve.raw(barrier.coordinator)
    raw.send(b"nonsense")
    assert "hexadecimal" in raw.reply()["reason"]
    until = time.monotonic() + 20
    with pytest.raises(ConnectionError):  # a reset: the far end no longer reads
        while time.monotonic() < until:
            raw.send(b"more")
            time.sleep(0.01)
    assert barrier.holds()


def test_what_came_before_nonsense_is_answered(serve):
    """Valid requests before an invalid one in the same segment are answered."""
    raw = serve.raw(serve("a"))
    raw.send(encode_frame(REQUEST | {"request": "lava_sync", "hold": True}) + b"nonsense")
    assert raw.reply()["status"] == "done"
    assert "hexadecimal" in raw.reply()["reason"]
    assert raw.reply() is None


def test_no_answer_comes_before_its_question(serve, watch):
    """Times are consistent: a wait ends after the message that it needed."""
    gate = threading.Event()
    opened = []

    def observe(event, **fields):
        watch(event, **fields)
        if fields.get("id") == "gate":
            opened.append(gate.wait(20))  # the loop stands still

    coordinator = serve("abc", observer=observe)
    # The answer comes after the event: to wait for it is to wait for the gate.
    serve.raw(coordinator).request("lava_send", "a", messageID="gate")
    watch.until("message", id="gate")
    one, two = (serve.raw(coordinator) for _ in "ab")
    one.request("lava_wait", "b", messageID="x", hold=True)
    two.request("lava_sync", "c", messageID="x", hold=True)
    gate.set()
    assert one.reply()["status"] == "done"
    assert watch.until("wait_finished", api="wait")["seconds"] >= 0
    assert opened == [True]


def test_what_has_arrived_in_time_counts(serve, watch):
    """A loop that was held up reads its sockets before it ends the calls that are due."""
    gate = threading.Event()

    def observe(event, **fields):
        watch(event, **fields)
        if fields.get("id") == "gate":
            gate.wait(20)

    coordinator, other = serve("ab", observer=observe), serve("ab")
    one, two = (serve.raw(coordinator) for _ in "ab")
    one.request("lava_wait", messageID="x", hold=True, timeout=0.2)
    watch.until("wait_started", id="x")
    two.request("lava_send", "b", messageID="gate")
    watch.until("message", id="gate")
    two.request("lava_send", "b", messageID="x")
    late = serve.member(other, "a").call(Call(Api.WAIT, "x", timeout=0.3))
    assert late.status == "timeout"
    gate.set()
    assert one.reply()["status"] == "done"


def test_it_needs_no_uvloop(serve, monkeypatch):
    """Where uvloop has no wheel, asyncio's own loop serves the group."""
    monkeypatch.setitem(sys.modules, "uvloop", None)
    with closing(module.new_event_loop()) as loop:
        assert isinstance(loop, asyncio.SelectorEventLoop)
    assert Barrier(serve).holds()


def test_a_bug_ends_one_connection_only(serve, barrier, monkeypatch, caplog):
    """An unexpected exception closes one connection and not the group."""
    from lava_dispatcher_multinode.coordinator.service import Service

    def fail(*_):
        raise ZeroDivisionError

    assert barrier.holds()
    with monkeypatch.context() as patch:
        patch.setattr(Service, "_handle_group_data", fail)
        assert serve.raw(barrier.coordinator).ask("group_data") is None
    assert "a bug in the coordinator" in caplog.text
    assert barrier.holds()


def test_running_out_of_descriptors(serve, monkeypatch):
    """Without free descriptors, new connections wait and others are served."""
    monkeypatch.setattr(listeners, "ACCEPT_PAUSE_S", 0.05)
    listen = server.open_listener
    failures = [OSError(24, "Too many open files")] * 2

    class Short(socket.socket):
        """A listener that fails on demand."""

        def accept(self):
            if barrier_is_up and failures:
                raise failures.pop()
            return super().accept()

    barrier_is_up = False
    monkeypatch.setattr(server, "open_listener", lambda *a: Short(fileno=listen(*a).detach()))
    barrier = Barrier(serve)
    assert barrier.holds()
    barrier_is_up = True
    raw = serve.raw(barrier.coordinator)
    assert barrier.holds()
    assert raw.ask("lava_send", messageID="x") == {"response": "ack"}
    assert failures == []
