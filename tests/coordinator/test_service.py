"""Requests and replies, without a socket."""

import json

import pytest

from lava_dispatcher_multinode.coordinator import observer as module
from lava_dispatcher_multinode.coordinator import service as service_module
from lava_dispatcher_multinode.coordinator.protocol import encode_frame
from lava_dispatcher_multinode.coordinator.service import Service
from lava_dispatcher_multinode.multinode.group import Group


class Peer:
    """Records what it is sent."""

    def __init__(self, service):
        self.service, self.node, self.sent, self.left = service, None, [], False

    def write(self, frame):
        """Record a reply."""
        self.sent.append(json.loads(frame[8:]))

    def hang_up(self):
        """Record the disconnection."""
        self.left = True

    def ask(self, kind, name="a", now=0.0, **fields):
        """Return the replies that a request brings at once."""
        base = {"request": kind, "client_name": name, "group_name": "g", "role": "r"}
        before = len(self.sent)
        self.service.handle_input(self, encode_frame(base | fields)[8:], now)
        return self.sent[before:]


@pytest.fixture
def make():
    """Return a function that creates a service and the list of its events."""

    def build(members=("a", "b"), size=None, secrets=(), grace=30):
        events = []
        group = Group(
            dict.fromkeys(members, "r"),
            size=size or len(members),
            timeout=60,
            deadlock_grace=grace,
        )

        def observe(event, **fields):
            events.append((event, fields))

        service = Service("g", group, dict(secrets), observe)
        service.events = events
        return service

    return build


def test_a_held_call_is_answered_when_it_is_satisfied(make):
    """A held call is answered once, on its connection, with its ID."""
    service = make()
    a, b = Peer(service), Peer(service)
    assert a.ask("lava_wait", messageID="x", hold=True, id=3) == []
    assert service.awaits_reply(a)
    assert b.ask("lava_send", "b", messageID="x", message={"k": "v"}) == [{"response": "ack"}]
    assert a.sent == [{"response": "ack", "message": {"b": {"k": "v"}}, "status": "done", "id": 3}]
    assert not service.awaits_reply(a)


def test_only_the_first_poll_of_a_sync_sends(make):
    """Only the first poll of a sync sends; the reply is given once."""
    service = make()
    a, b = Peer(service), Peer(service)
    for _ in range(3):
        assert a.ask("lava_sync", messageID="x") == [{"response": "wait"}]
    done = [{"response": "ack", "message": "x"}]
    assert b.ask("lava_sync", "b", messageID="x") == done
    assert a.ask("lava_sync", messageID="x") == done
    assert a.ask("lava_sync", messageID="x") == [{"response": "wait"}]
    assert [fields["from"] for event, fields in service.events if event == "message"] == [
        "a",
        "b",
        "a",
    ]


def test_a_polled_sync_survives_a_pause(make):
    """A member that polls too rarely is not counted twice."""
    service = make()
    a, b = Peer(service), Peer(service)
    a.ask("lava_sync", messageID="x", now=0.0)
    service.expire(service.next_deadline())
    assert a.ask("lava_sync", messageID="x", now=50.0) == [{"response": "wait"}]
    b.ask("lava_sync", "b", messageID="x", now=51.0)
    assert a.ask("lava_sync", messageID="x", now=52.0) == [{"response": "ack", "message": "x"}]
    assert a.ask("lava_sync", messageID="x", now=53.0) == [{"response": "wait"}]


def test_a_polling_member_counts_as_waiting_between_its_polls(make):
    """A deadlock with a polling member is detected and reported to both."""
    service = make(grace=8)
    a, b = Peer(service), Peer(service)
    a.ask("lava_wait", messageID="x", now=0.0)
    b.ask("lava_wait", "b", messageID="y", hold=True, now=1.0)
    a.ask("lava_wait", messageID="x", now=3.0)
    assert service.next_deadline() == 9.0
    service.expire(9.0)
    assert b.sent[0]["status"] == "never"
    assert "deadlock: a waits for 'x' from b; b waits" in b.sent[0]["reason"]
    assert a.ask("lava_wait", messageID="x", now=10.0)[0]["response"] == "nack"


def test_a_member_that_stops_polling_does_not_count_as_waiting(make):
    """A member that stops polling may be about to send."""
    service = make(grace=100)
    a, b = Peer(service), Peer(service)
    a.ask("lava_wait", messageID="x", now=0.0)
    b.ask("lava_wait", "b", messageID="y", hold=True, timeout=1000, now=0.0)
    while (due := service.next_deadline()) is not None and due < 500:
        service.expire(due)
    assert b.sent == []


def test_group_data_waits_for_all_members(make):
    """Polled or held group_data waits until the group is complete."""
    service = make(members=(), size=2)
    a, b, held = Peer(service), Peer(service), Peer(service)
    assert a.ask("group_data", group_size=2) == [{"response": "wait"}]
    assert held.ask("group_data", group_size=2, hold=True, id=1) == []
    reply = {"response": "group_data", "roles": {"a": "r", "b": "s"}}
    assert b.ask("group_data", "b", role="s", group_size=2) == [reply]
    assert held.sent == [reply | {"id": 1}]
    assert a.ask("group_data") in ([reply], a.sent[-1:])


def test_group_data_has_its_limits(make):
    """A wrong size is refused; a held request ends at its timeout or with its connection."""
    service = make(members=(), size=2)
    a = Peer(service)
    assert a.ask("group_data", group_size=3)[0]["reason"] == "the group has 2 devices, not 3"
    a.ask("group_data", hold=True, timeout=5)
    assert service.next_deadline() == 5
    service.expire(5)
    assert a.sent[-1] == {"response": "nack", "reason": "the group is not complete: a so far"}
    a.ask("group_data", hold=True)
    service.peer_closed(a, 6.0)
    assert service.next_deadline() is None


def test_group_data_cannot_fill_the_memory(make, monkeypatch):
    """The number of held group_data per connection is limited."""
    monkeypatch.setattr(service_module, "MAX_WAITS", 3)
    service = make(members=(), size=2)
    a = Peer(service)
    told = [a.ask("group_data", hold=True, id=number) for number in range(5)]
    assert [[reply["id"] for reply in replies] for replies in told] == [[], [], [], [3], [4]]
    assert "3 calls waiting" in a.sent[0]["reason"]
    Peer(service).ask("group_data", "b")
    assert [reply["id"] for reply in a.sent[2:]] == [0, 1, 2]


def test_clear_group_is_the_end_of_a_member(make):
    """Waits for a finished member end; a repeated clear_group has no effect."""
    service = make()
    a, b = Peer(service), Peer(service)
    b.ask("lava_wait_all", "b", messageID="x", hold=True)
    assert a.ask("clear_group", group_size=2) == [{"response": "ack"}]
    assert b.sent[0]["reason"] == "lava-wait-all x: a finished without sending 'x'"
    assert a.ask("clear_group", group_size=2) == [{"response": "ack"}]


def test_the_rest_of_lavas_requests(make):
    """aggregate, complete and unknown requests are handled."""
    service = make(members=("a",))
    a = Peer(service)
    assert a.ask("aggregate", sub_id="1.1", bundle="ff") == [{"response": "ack"}]
    assert a.ask("aggregate", bundle="ff")[0]["response"] == "nack"
    assert a.ask("lava_dance")[0] == {"response": "nack", "reason": "unknown request"}
    assert not a.left
    assert a.ask("complete") == []
    assert a.left


def test_strangers_are_sent_away_and_change_nothing(make):
    """Wrong group, existing name and full group are refused without other effect."""
    service = make(secrets={"a": "s"})
    for fields in ({"group_name": "x"}, {"name": "z"}, {"role": "boss", "name": "b"}, {}):
        peer = Peer(service)
        (reply,) = peer.ask("lava_send", messageID="x", **fields)
        assert reply["response"] == "nack"
        assert peer.left
    assert {event for event, _ in service.events} == {"log"}
    assert len(service.events) == 4


def test_a_name_that_joined_with_a_secret_needs_it(make):
    """A member that joined with a secret cannot be impersonated."""
    service = make(members=(), size=2)
    assert Peer(service).ask("lava_send", messageID="x", secret="s")[0]["response"] == "ack"
    assert Peer(service).ask("lava_send", messageID="x", secret="s")[0]["response"] == "ack"
    for fields in ({}, {"secret": "t"}):
        (reply,) = Peer(service).ask("lava_send", messageID="x", **fields)
        assert reply["reason"] == "the secret of 'a' is missing or wrong"
    # One that joined without has none, whatever it says later.
    assert Peer(service).ask("lava_send", name="b", messageID="x")[0]["response"] == "ack"
    Peer(service).ask("lava_send", name="b", messageID="x", secret="s")
    assert Peer(service).ask("lava_send", name="b", messageID="x")[0]["response"] == "ack"


def test_a_member_stays_after_a_mistake(make):
    """A refused call does not close the member's connection."""
    service = make()
    a = Peer(service)
    a.ask("lava_send", messageID="x")
    assert a.ask("lava_send", id=4)[0]["id"] == 4
    assert a.ask("lava_send", messageID="a b")[0]["response"] == "nack"
    assert not a.left


def test_a_lost_connection_ends_its_waits(make):
    """The waits of a closed connection end and consume no messages."""
    service = make()
    a, b = Peer(service), Peer(service)
    a.ask("lava_wait", messageID="x", next=True, hold=True)
    service.peer_closed(a, 1.0)
    b.ask("lava_send", "b", messageID="x", message={"k": "v"})
    again = Peer(service)
    assert again.ask("lava_wait", messageID="x", next=True, hold=True)[0]["message"] == {
        "b": {"k": "v"}
    }
    assert a.sent == []


def test_a_held_call_can_be_taken_back(make):
    """A cancelled call no longer waits or consumes; other calls continue."""
    service = make(grace=5)
    a, b = Peer(service), Peer(service)
    for number in (1, 2):
        a.ask("lava_wait", messageID=f"m{number}", next=True, hold=True, id=number)
    told = a.ask("cancel", call=1, id=3)
    assert [(reply["id"], reply["response"]) for reply in told] == [(1, "nack"), (3, "ack")]
    assert told[0]["reason"].endswith(" closed its connection before the reply")
    assert [reply["response"] for reply in a.ask("cancel", call=1)] == ["nack"]
    b.ask("lava_send", "b", messageID="m1", message={"k": "v"})
    b.ask("lava_send", "b", messageID="m2")
    assert a.sent[-1]["id"] == 2
    assert a.ask("lava_wait", messageID="m1", next=True, hold=True)[0]["message"]["b"] == {
        "k": "v"
    }


def test_a_client_cannot_cancel_the_call_of_another(make):
    """Only its own connection can cancel a call; a cancelled one is no wait in a deadlock."""
    service = make(grace=5)
    a, b = Peer(service), Peer(service)
    a.ask("lava_wait", messageID="x", hold=True, id=1, now=0.0)
    assert b.ask("cancel", "b", call=1, now=1.0)[0]["response"] == "nack"
    b.ask("lava_wait", "b", messageID="y", hold=True, id=1, now=1.0)
    a.ask("cancel", call=1, now=2.0)
    due = service.next_deadline()
    assert due is not None
    assert due > 50  # b's own timeout: there is no deadlock


def test_events(make):
    """The events of messages and calls have their fields."""
    service = make()
    a, b = Peer(service), Peer(service)
    a.ask("lava_wait_all", messageID="x", waitrole="r", hold=True, now=1.0)
    b.ask("lava_send", "b", messageID="x", message={"k": "v"}, now=3.5)
    who = {"node": "a", "api": "wait-all", "id": "x", "role": "r"}
    assert service.events == [
        ("wait_started", who | {"missing": ["b"], "missing_more": 0, "not_joined": 0}),
        ("message", {"id": "x", "from": "b", "data": {"k": "v"}}),
        (
            "wait_finished",
            who
            | {"outcome": "done", "cause": "satisfied", "reason": "", "senders": ["b"]}
            | {"seconds": 2.5},
        ),
    ]


def test_a_failing_observer_does_not_stop_the_group(make, caplog):
    """A full disk ends the record, not the group's barriers."""
    service = make()

    def fail(event, **fields):
        raise OSError("disk full")

    service.notifier.observer = fail
    assert Peer(service).ask("lava_send", messageID="x") == [{"response": "ack"}]
    assert "disk full" in caplog.text


def test_refusals_do_not_fill_the_record(make):
    """The number of recorded refusals is limited."""
    service = make()
    for _ in range(3 * module.MAX_LOGGED_REFUSALS):
        Peer(service).ask("lava_send", group_name="no")
    assert len(service.events) == module.MAX_LOGGED_REFUSALS
    assert service.events[-1][1]["text"].endswith("(further refusals are not logged)")


def test_abort_and_the_job_s_own_news(make):
    """An abort by the run ends waiting calls."""
    service = make(members=("a", "b", "c"))
    peers = {name: Peer(service) for name in "abc"}
    peers["a"].ask("lava_wait_all", messageID="x", hold=True)
    service.node_failed("b", "no boot", 1.0)
    assert peers["a"].sent[0]["reason"] == "lava-wait-all x: b failed: no boot"
    peers["c"].ask("lava_wait", "c", messageID="x", hold=True)
    service.node_finished("a", 1.0)
    assert peers["c"].sent[0]["status"] == "never"
    service.abort("cancelled", 2.0)
    assert peers["c"].ask("lava_send", "c", messageID="x", hold=True)[0]["status"] == "never"


def test_calls_are_answered_without_an_observer(make):
    """Calls work without an observer."""
    service = make()
    service.notifier.observer = None
    a, b = Peer(service), Peer(service)
    assert a.ask("lava_sync", messageID="x", hold=True) == []
    assert b.ask("lava_sync", "b", messageID="x", hold=True)[0]["status"] == "done"
    assert a.sent[0]["status"] == "done"


def test_events_come_before_the_replies_that_they_explain(make):
    """Events precede the replies that they explain, in barriers of any size."""
    names = [f"n{number}" for number in range(200)]
    service = make(names)
    peers = [Peer(service) for _ in names]
    for peer, name in zip(peers[:-1], names, strict=False):
        peer.ask("lava_wait_all", name, messageID="x", waitrole="r", hold=True)
    order = []
    service.notifier.observer = lambda event, **_: order.append(event)
    for name, peer in zip(names, peers, strict=True):
        peer.write = lambda _frame: order.append("reply")
        peer.ask("lava_send", name, messageID="x", hold=True)
    assert order[-400:] == ["message", *["wait_finished"] * 199, *["reply"] * 200]


def test_a_thousand_missing_names_are_not_listed(make):
    """The first missing names are listed, and the others counted."""
    names = [f"n{number:03}" for number in range(module.MAX_MISSING_NAMES + 5)]
    service = make(names)
    Peer(service).ask("lava_wait_all", names[0], messageID="x", hold=True)
    fields = service.events[-1][1]
    assert fields["missing"] == names[1 : module.MAX_MISSING_NAMES + 1]
    assert fields["missing_more"] == 4
