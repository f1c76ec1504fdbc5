"""Access control: names, secrets, limits of connections."""

from types import SimpleNamespace

import pytest

from lava_dispatcher_multinode.coordinator import access as module
from lava_dispatcher_multinode.coordinator.access import AccessControl, ConnectionLimits, Presence
from lava_dispatcher_multinode.coordinator.protocol import encode_frame, parse_request


class Peer:
    """A connection without requests."""

    node = None


def request(name="a", group="g", **fields):
    """Return the head of a request."""
    base = {"request": "lava_send", "messageID": "x", "client_name": name, "group_name": group}
    return parse_request(encode_frame(base | fields)[8:])


@pytest.fixture
def control():
    """Return the access control of a group with two names that have secrets."""
    return AccessControl("g", {"own": "secret-1", "other": "secret-2"})


def admit(control, peer, asked):
    """Check a request as the service does; return the reason of a refusal."""
    problem = control.refuse_request(asked, peer)
    if not problem:
        control.admit(asked, peer)
    return problem


@pytest.mark.parametrize("group", ["", "G", "g ", "gg", "\ud800"])
def test_the_groups_name_is_needed(control, group):
    """A wrong group name is refused, and the refusal does not reveal the name."""
    assert control.refuse_request(request(group=group), Peer()) == "unknown group"


@pytest.mark.parametrize("fields", [{}, {"secret": "secret-2"}, {"secret": ""}])
def test_a_name_with_a_secret_needs_it(control, fields):
    """Another node's secret is refused."""
    problem = admit(control, Peer(), request("own", **fields))
    assert problem == "the secret of 'own' is missing or wrong"


@pytest.mark.parametrize("fields", [{}, {"secret": "other"}])
def test_a_name_keeps_the_secret_with_which_it_joined(control, fields):
    """The group's name alone cannot authenticate a name that joined with a secret."""
    first = request("a", secret="mine", hold=True)
    assert admit(control, Peer(), first) == ""
    control.register_secret(first)
    assert admit(control, Peer(), request("a", secret="mine", hold=True, hostname="h2")) == ""
    assert "missing or wrong" in admit(control, Peer(), request("a", **fields))
    assert control.refuse_line("a", "mine", Peer()) == ""


def test_no_secret_is_an_empty_one(control):
    """An empty secret counts as none and is not accepted in lines."""
    control.register_secret(request("a", secret=""))
    assert admit(control, Peer(), request("a")) == ""
    assert "or it has none" in control.refuse_line("a", "", Peer())


def test_a_secret_opens_several_connections(control):
    """Several processes of a board can connect, from any host."""
    for host in ("h1", "h2"):
        asked = request("own", secret="secret-1", hold=True, hostname=host)
        assert admit(control, Peer(), asked) == ""


def test_a_connection_is_limited_to_one_node(control):
    """A connection cannot be used for two nodes, even with both secrets."""
    peer = Peer()
    assert admit(control, peer, request("own", secret="secret-1")) == ""
    assert "belongs to 'own'" in control.refuse_request(request("other", secret="secret-2"), peer)
    assert "belongs to 'own'" in control.refuse_request(request("a"), peer)


def test_a_name_without_a_secret_is_its_first_connections(control):
    """A name without a secret belongs to its open connection, later to its host."""
    first, second = Peer(), Peer()
    assert admit(control, first, request("a", hold=True)) == ""
    assert "another connection" in control.refuse_request(request("a"), second)
    control.release(second)
    assert "another connection" in control.refuse_request(request("a"), second)
    control.release(first)
    assert admit(control, second, request("a", hold=True)) == ""


def test_a_polled_name_is_its_first_hosts(control):
    """LAVA's members use many connections, one per request, from one host."""
    for _ in range(2):
        assert admit(control, Peer(), request("a", hostname="rack1")) == ""
    assert "another host" in control.refuse_request(request("a", hostname="rack2"), Peer())


def test_a_refused_request_leaves_no_trace(control):
    """A refused client does not occupy a name."""
    peer = Peer()
    assert control.refuse_request(request("a", group="wrong", hostname="evil", hold=True), peer)
    assert peer.node is None
    assert admit(control, Peer(), request("a", hostname="rack1", hold=True)) == ""


class Connected(SimpleNamespace):
    """A connection of a member."""

    __hash__ = object.__hash__
    __eq__ = object.__eq__


def test_lost_after_the_grace():
    """A member is lost once, after its last connection has closed."""
    presence, first, second = Presence(10), Connected(node="a"), Connected(node="a")
    presence.add("a", first)
    presence.add("a", second)
    presence.remove(first, 1.0)
    assert presence.deadlines.next() is None
    presence.remove(second, 2.0)
    presence.remove(second, 9.0)
    assert presence.deadlines.next() == 12.0
    assert list(presence.expire(11.9)) == []
    assert list(presence.expire(12.0)) == ["a"]
    assert list(presence.expire(99.0)) == []


def test_a_member_that_reconnects_is_not_lost():
    """A member that reconnects within the grace period is not lost."""
    presence, peer = Presence(10), Connected(node="a")
    presence.add("a", peer)
    presence.remove(peer, 1.0)
    presence.remove(Connected(node="a"), 2.0)
    presence.remove(Connected(node=None), 2.0)
    presence.add("a", Connected(node="a"))
    assert presence.deadlines.next() is None


def test_without_a_grace_no_member_is_lost():
    """Without a grace period, connections do not decide about members."""
    presence, peer = Presence(None), Connected(node="a")
    presence.add("a", peer)
    presence.remove(peer, 1.0)
    assert presence.deadlines.next() is None


def test_the_oldest_stranger_goes_for_a_newcomer(monkeypatch):
    """The oldest unauthenticated connection is closed; members are not affected."""
    monkeypatch.setattr(module, "MAX_STRANGERS", 1)
    limits = ConnectionLimits(1)
    first, second, third, fourth = (Connected(node=None) for _ in range(4))
    assert limits.add(first) is None
    assert limits.add(second) is None
    first.node = "a"
    assert limits.recognise(first) == ""
    assert limits.add(third) is None
    assert limits.add(fourth) is second


def test_a_member_has_so_many_and_its_places_come_back(monkeypatch):
    """Closed connections no longer count towards a member's limit."""
    monkeypatch.setattr(module, "MAX_CONNECTIONS_PER_MEMBER", 1)
    limits = ConnectionLimits(9)
    one, two, silent = Connected(node="a"), Connected(node="a"), Connected(node=None)
    for each in (one, two, silent):
        limits.add(each)
    assert limits.recognise(silent) == ""
    assert limits.recognise(one) == ""
    assert "1 connections" in limits.recognise(two)
    for each in (one, two, silent):
        limits.remove(each)
    again = Connected(node="a")
    limits.add(again)
    assert limits.recognise(again) == ""
    assert limits.oldest_stranger() is None
