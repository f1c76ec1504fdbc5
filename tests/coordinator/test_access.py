"""Who may speak, and as whom."""

import pytest

from lava_dispatcher_multinode.coordinator.access import Door
from lava_dispatcher_multinode.coordinator.protocol import encode
from lava_dispatcher_multinode.coordinator.requests import Reader


class Peer:
    """A connection that has not said anything."""

    node = None


def request(name="a", group="g", **fields):
    """Return the head of a request."""
    base = {"request": "lava_send", "messageID": "x", "client_name": name, "group_name": group}
    return Reader().read(encode(base | fields)[8:]).head


@pytest.fixture
def door():
    """Return the door of a group, two of its names with secrets."""
    return Door("g", {"own": "secret-1", "other": "secret-2"})


def enter(door, peer, asked):
    """Do as the service does with a request; return why not."""
    problem = door.problem(asked, peer)
    if not problem:
        door.enter(asked, peer)
    return problem


@pytest.mark.parametrize("group", ["", "G", "g ", "gg", "\ud800"])
def test_the_groups_name_is_needed(door, group):
    """And the refusal does not say what it is."""
    assert door.problem(request(group=group), Peer()) == "unknown group"


@pytest.mark.parametrize("fields", [{}, {"secret": "secret-2"}, {"secret": ""}])
def test_a_name_with_a_secret_needs_it(door, fields):
    """Another node's secret does not do."""
    problem = enter(door, Peer(), request("own", **fields))
    assert problem == "the secret of 'own' is missing or wrong"


@pytest.mark.parametrize("fields", [{}, {"secret": "other"}])
def test_a_name_keeps_the_secret_with_which_it_joined(door, fields):
    """Nobody who has no more than the group's name can speak for it then."""
    first = request("a", secret="mine", hold=True)
    assert enter(door, Peer(), first) == ""
    door.joined(first)
    assert enter(door, Peer(), request("a", secret="mine", hold=True, hostname="h2")) == ""
    assert "missing or wrong" in enter(door, Peer(), request("a", **fields))
    assert door.line_problem("a", "mine", Peer()) == ""


def test_no_secret_is_an_empty_one(door):
    """What says "" has none, and must not be reached by a line without one."""
    door.joined(request("a", secret=""))
    assert enter(door, Peer(), request("a")) == ""
    assert "or it has none" in door.line_problem("a", "", Peer())


def test_a_secret_opens_several_connections(door):
    """Processes on a board may each have one, from any host."""
    for host in ("h1", "h2"):
        asked = request("own", secret="secret-1", hold=True, hostname=host)
        assert enter(door, Peer(), asked) == ""


def test_a_connection_speaks_for_one_node(door):
    """Not even with the other's secret."""
    peer = Peer()
    assert enter(door, peer, request("own", secret="secret-1")) == ""
    assert "belongs to 'own'" in door.problem(request("other", secret="secret-2"), peer)
    assert "belongs to 'own'" in door.problem(request("a"), peer)


def test_a_name_without_a_secret_is_its_first_connections(door):
    """While that is open; then another of the same host may come."""
    first, second = Peer(), Peer()
    assert enter(door, first, request("a", hold=True)) == ""
    assert "another connection" in door.problem(request("a"), second)
    door.leave(second)
    assert "another connection" in door.problem(request("a"), second)
    door.leave(first)
    assert enter(door, second, request("a", hold=True)) == ""


def test_a_polled_name_is_its_first_hosts(door):
    """LAVA's members have a connection for each request: many, from one host."""
    for _ in range(2):
        assert enter(door, Peer(), request("a", hostname="rack1")) == ""
    assert "another host" in door.problem(request("a", hostname="rack2"), Peer())


def test_a_refused_request_leaves_no_trace(door):
    """Who was refused does not hold a name."""
    peer = Peer()
    assert door.problem(request("a", group="wrong", hostname="evil", hold=True), peer)
    assert peer.node is None
    assert enter(door, Peer(), request("a", hostname="rack1", hold=True)) == ""
