"""The member's side: GroupClient."""

import queue
import socket
import threading

import pytest

from lava_dispatcher_multinode.coordinator import client as client_module
from lava_dispatcher_multinode.coordinator import server_loop
from lava_dispatcher_multinode.coordinator.client import GroupClient
from lava_dispatcher_multinode.coordinator.protocol import encode_frame
from lava_dispatcher_multinode.errors import InfrastructureError
from lava_dispatcher_multinode.multinode.api import Api, Call, Status


def test_calls_do_not_wait_for_each_other(serve):
    """A waiting call delays no other call, in any thread."""
    coordinator = serve()
    a, b = serve.member(coordinator, "a"), serve.member(coordinator, "b")
    long, short = a.ask("wait", "late"), a.ask("wait", "soon")
    assert a.call(Call(Api.SEND, "x")).status is Status.DONE
    b.call(Call(Api.SEND, "soon", {"k": "1"}))
    assert short().data == (("b", {"k": "1"}),)
    threads = [threading.Thread(target=a.call, args=(Call(Api.SEND, f"t{n}"),)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    outcome = b.call(Call(Api.SEND, "late"))
    assert [outcome.status, long().status] == [Status.DONE, Status.DONE]


def test_a_lost_connection_ends_all_calls(serve, watch):
    """A lost connection ends all waiting and later calls."""
    coordinator = serve()
    a = serve.member(coordinator, "a")
    waits = [a.ask("wait", "x"), a.ask("sync", "y")]
    watch.until("wait_started", id="y")
    a._socket.shutdown(socket.SHUT_RDWR)
    for wait in [*waits, a.ask("wait", "z")]:
        outcome = wait()
        assert outcome.status is Status.REFUSED
        assert "coordinator" in outcome.fields["text"]


def test_closing_ends_waiting_calls(serve, watch):
    """Closing ends waiting calls; closing again has no effect."""
    a = serve.member(serve(), "a")
    wait = a.ask("wait", "x")
    watch.until("wait_started")
    a.close()
    a.close()
    assert wait().fields["text"] == "the connection to the coordinator was closed"
    assert a.call(Call(Api.SEND, "x")).status is Status.REFUSED


def test_a_call_can_be_taken_back(serve, watch):
    """A cancelled call is answered REFUSED, once; other calls continue."""
    coordinator = serve()
    a, b = serve.member(coordinator, "a"), serve.member(coordinator, "b")
    answers = queue.Queue()
    cancel = a.submit(Call(Api.WAIT, "x", next=True), answers.put)
    other = a.ask("wait", "y")
    watch.until("wait_started", id="y")
    cancel()
    assert answers.get(timeout=20).status is Status.REFUSED
    cancel()
    b.call(Call(Api.SEND, "x", {"k": "v"}))
    assert a.call(Call(Api.WAIT, "x", next=True)).data == (("b", {"k": "v"}),)
    b.call(Call(Api.SEND, "y"))
    assert other().status is Status.DONE
    assert answers.empty()


def test_a_call_that_was_answered_cannot_be_taken_back(serve):
    """Cancelling a completed or unsent call has no effect."""
    a = serve.member(serve(), "a")
    a.submit(Call(Api.WAIT, "x" * 600_000), lambda _: None)()
    done = threading.Event()
    cancel = a.submit(Call(Api.SEND, "x"), lambda _: done.set())
    assert done.wait(20)
    cancel()
    a.close()
    a.submit(Call(Api.SEND, "x"), lambda _: None)()


def test_closing_from_a_callback(serve):
    """The reader's own thread can close the client without a deadlock."""
    a = serve.member(serve(), "a")
    closed = threading.Event()

    def close(_):
        a.close()
        closed.set()

    a.submit(Call(Api.SEND, "x"), close)
    assert closed.wait(20)


def test_a_failing_receiver_does_not_stop_the_others(serve, caplog):
    """An exception in a callback is logged."""
    a = serve.member(serve(), "a")

    def fail(outcome):
        raise RuntimeError("a receiver's mistake")

    a.submit(Call(Api.SEND, "x"), fail)
    assert a.call(Call(Api.SEND, "y")).status is Status.DONE
    assert "a receiver's mistake" in caplog.text


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"group": "wrong"}, "unknown group"),
        ({"secret": "wrong"}, "secret of 'a'"),
        ({"node": "z"}, "'z' is not one"),
        ({"role": "boss"}, "role 'r', not 'boss'"),
    ],
)
def test_a_refusal_has_a_reason(serve, options, why):
    """The outcome of the first call has the reason of a refusal."""
    coordinator = serve(secrets={"a": "right"})
    who = {"group": "group-1", "node": "a", "role": "r", "secret": "right"} | options
    with GroupClient(coordinator.address, **who) as client:
        outcome = client.call(Call(Api.SEND, "x"))
    assert outcome.status is Status.REFUSED
    assert why in outcome.fields["text"]


def test_connection_refused():
    """The message of a refused connection names the address."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = server.getsockname()
    with pytest.raises(InfrastructureError, match=f"{address[1]}: Connection refused"):
        GroupClient(address, group="g", node="a", role="r")


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n", "an invalid reply"),
        (b"00000001x", "an invalid reply"),
        (encode_frame({"response": "nack"}), "refuses 'a': no reason given"),
        (b"", "has closed"),
    ],
)
def test_something_else_listens(answer, why):
    """An invalid reply ends the calls with a message."""
    outcomes = []
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        GroupClient(server.getsockname(), group="g", node="a", role="r") as client,
        server.accept()[0] as far,
    ):
        client.submit(Call(Api.WAIT, "x"), outcomes.append)
        far.recv(4096)
        far.sendall(answer)
        far.shutdown(socket.SHUT_WR)
        client._reader.join(20)
    assert why in outcomes[0].fields["text"]


def test_a_coordinator_that_hangs_is_reported(monkeypatch):
    """A coordinator that accepts a call and never replies is reported."""
    monkeypatch.setattr(client_module, "REPLY_GRACE_S", 0.1)
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        GroupClient(server.getsockname(), group="g", node="a", role="r") as client,
        server.accept()[0],
        pytest.raises(InfrastructureError, match="lava-wait x failed: no reply"),
    ):
        client.call(Call(Api.WAIT, "x", timeout=0.1))


def test_a_member_may_be_silent_at_first(serve, monkeypatch):
    """A member without calls (its board boots for minutes) stays connected."""
    monkeypatch.setattr(server_loop, "REQUEST_TIMEOUT_S", 0.05)
    coordinator = serve()
    a, stranger = serve.member(coordinator, "a"), serve.raw(coordinator)
    assert stranger.reply() is None  # its time is over, and so would be the member's
    assert a.call(Call(Api.SEND, "x")).status is Status.DONE


def test_a_call_that_is_too_long_costs_only_itself(serve, watch):
    """A call with a megabyte of data does not end the board's other calls."""
    a, b = (serve.member(coordinator, name) for coordinator in [serve()] for name in "ab")
    wait = a.ask("wait", "x")
    for call in (Call(Api.SEND, "x", {"k": "x" * 1_000_000}), Call(Api.WAIT, "x" * 1_000_000)):
        outcome = a.call(call)
        assert outcome.status is Status.REFUSED
        assert (
            "000 bytes; at most" in outcome.fields["text"]
            or "1000003 bytes" in outcome.fields["text"]
        )
    b.call(Call(Api.SEND, "x"))
    assert wait().status is Status.DONE
