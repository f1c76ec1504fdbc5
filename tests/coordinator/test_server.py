"""The coordinator over loopback sockets."""

import socket
import threading

import pytest

from lava_dispatcher_multinode.coordinator.server import Coordinator
from lava_dispatcher_multinode.errors import InfrastructureError
from lava_dispatcher_multinode.multinode.api import Api, Call, Status


def test_a_barrier_of_members(serve):
    """All members of a barrier are released."""
    names = [f"n{number}" for number in range(20)]
    coordinator = serve(names and dict.fromkeys(names, "r"))
    members = [serve.member(coordinator, name) for name in names]
    for _ in range(3):
        waits = [member.ask("sync", "x") for member in members]
        assert {wait().status for wait in waits} == {Status.DONE}


def test_the_sentences_and_data_travel(serve, watch):
    """Messages and data reach the caller unchanged."""
    coordinator = serve({"a": "client", "b": "server"})
    a, b = serve.member(coordinator, "a", "client"), serve.member(coordinator, "b", "server")
    data = {"k": " <=>%\"'ü\t\\ ", "empty": "", "odd": "\udcff\x01"}
    assert b.call(Call(Api.SEND, "x", data)).status is Status.DONE
    assert a.call(Call(Api.WAIT_ALL, "x", role="server")).data == (("b", data),)
    waiting = a.ask("wait-all", "y")
    watch.until("wait_started", node="a", id="y")
    coordinator.node_failed("b", "kernel panic")
    assert waiting().fields["sentence"] == "lava-wait-all y: b failed: kernel panic"


def test_sixty_kilobytes_from_every_member(serve):
    """The largest message, all of it escaped, reaches all members."""
    names = [f"n{number}" for number in range(8)]
    coordinator = serve(dict.fromkeys(names, "r"))
    members = [serve.member(coordinator, name) for name in names]
    data = {"k": "\x01" * (60 * 1024 - 3)}
    assert {m.call(Call(Api.SEND, "x", data)).status for m in members} == {Status.DONE}
    for member in members:
        outcome = member.call(Call(Api.WAIT_ALL, "x"))
        assert [dict(found) for _, found in outcome.data] == [data] * 7


def test_a_timeout_comes_by_itself(serve):
    """A call times out without other activity on the socket."""
    coordinator = serve()
    a = serve.member(coordinator, "a")
    assert a.call(Call(Api.WAIT, "x", timeout=0.05)).status is Status.TIMEOUT
    assert a.call(Call(Api.WAIT, "x", timeout=0)).status is Status.TIMEOUT


def test_a_deadlock_comes_by_itself(serve):
    """A deadlock is reported after the grace period, with the waits."""
    coordinator = serve(deadlock_grace=0.05)
    a, b = serve.member(coordinator, "a"), serve.member(coordinator, "b")
    waits = [a.ask("wait", "x"), b.ask("wait", "y")]
    for wait in waits:
        reason = wait().fields["sentence"]
        assert "deadlock: " in reason
        assert "a waits for 'x' from b" in reason
        assert "b waits for 'y' from a" in reason


def test_the_job_s_news(serve, watch):
    """Finish and abort end waiting calls, from any thread."""
    coordinator = serve("abc")
    a = serve.member(coordinator, "a")
    waiting = a.ask("wait-all", "x")
    watch.until("wait_started", node="a")
    teller = threading.Thread(target=coordinator.node_finished, args=("c",))
    teller.start()
    assert "c finished without sending" in waiting().fields["sentence"]
    teller.join()
    waiting = a.ask("wait", "x")
    watch.until("wait_started", api="wait")
    coordinator.abort("interrupted")
    assert waiting().fields["sentence"] == "lava-wait x: interrupted"
    assert a.call(Call(Api.SEND, "x")).status is Status.NEVER


def test_news_before_the_start_count():
    """A board may fail before the coordinator serves."""
    coordinator = Coordinator(group="g", nodes={"a": "r", "b": "r"}, timeout=5)
    coordinator.node_failed("b", "no power")
    from lava_dispatcher_multinode.coordinator.client import GroupClient

    with coordinator, GroupClient(coordinator.address, group="g", node="a", role="r") as a:
        assert a.call(Call(Api.SYNC, "x")).fields["sentence"] == "lava-sync x: b failed: no power"


def test_closing_ends_waiting_calls(serve, watch):
    """Closing ends waiting calls; closing twice or before the start is allowed."""
    coordinator = serve()
    waiting = serve.member(coordinator, "a").ask("wait", "x")
    watch.until("wait_started")
    coordinator.close()
    coordinator.close()
    assert waiting().fields["sentence"] == "lava-wait x: the coordinator has stopped"
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(coordinator.address)
    never_started = Coordinator(group="g", nodes={"a": "r"}, timeout=1)
    never_started.close()
    with pytest.raises(RuntimeError):
        _ = never_started.address


def test_no_thread_or_descriptor_is_left(serve):
    """Repeated runs in one process leak no threads and descriptors."""
    before = threading.active_count()
    coordinator = serve()
    member = serve.member(coordinator, "a")
    assert threading.active_count() == before + 2
    member.close()
    coordinator.close()
    assert threading.active_count() == before


def test_a_port_that_cannot_be_had(serve):
    """The error has the address and a hint."""
    coordinator = serve()
    port = coordinator.address[1]
    with pytest.raises(InfrastructureError, match=f"127.0.0.1:{port}.*choose another port"):
        Coordinator(group="g", nodes={"a": "r"}, timeout=1, port=port).start()
    with pytest.raises(InfrastructureError, match="cannot listen on no host"):
        Coordinator(group="g", nodes={"a": "r"}, timeout=1, host="no host").start()


def test_a_group_must_fit():
    """A size that is too small, or a group without members, is an error of the caller."""
    for nodes, size in (({"a": "r", "b": "r"}, 1), ({}, None)):
        with pytest.raises(ValueError, match="a group of"):
            Coordinator(group="g", nodes=nodes, size=size, timeout=1)


@pytest.mark.needs("IPv6")
def test_it_listens_on_ipv6_too():
    """The coordinator can listen on IPv6, if the host supports it."""
    with Coordinator(group="g", nodes={"a": "r"}, timeout=1, host="::1") as coordinator:
        assert coordinator.address[0] == "::1"
        socket.create_connection(coordinator.address).close()


def test_a_member_is_lost_with_its_connection(serve, watch):
    """A member fails after the grace period, unless it has finished or reconnected."""
    coordinator = serve("abcd", lost_grace=0.3)
    a, b, c, d = (serve.member(coordinator, name) for name in "abcd")
    c.call(Call(Api.SEND, "x"))
    c.finish()
    assert d.call(Call(Api.SEND, "x")).status is Status.DONE
    d.close()
    d = serve.member(coordinator, "d")
    waiting = a.ask("wait-all", "x")
    watch.until("wait_started", node="a")
    assert b.call(Call(Api.SEND, "y")).status is Status.DONE
    b.close()
    reason = "lava-wait-all x: b failed: its connection to the coordinator was lost"
    assert waiting().fields["sentence"] == reason
    assert d.call(Call(Api.SEND, "z")).status is Status.DONE


def test_a_member_that_polls_is_not_lost(serve):
    """A polling member does not fail when its connections end."""
    coordinator = serve({"a": "r"}, size=2, lost_grace=0.0)
    poller = serve.poller(coordinator.address, "42", "lava")
    assert poller.ask("lava_wait", messageID="x") == {"response": "wait"}
    a = serve.member(coordinator, "a")
    assert a.call(Call(Api.WAIT, "y", timeout=0.1)).status is Status.TIMEOUT
    assert a.call(Call(Api.SEND, "x")).status is Status.DONE
    assert poller.ask("lava_wait", messageID="x")["message"] == {"a": {}}
