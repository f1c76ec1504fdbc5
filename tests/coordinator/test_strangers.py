"""Who may stay connected."""

from types import SimpleNamespace

from lava_dispatcher_multinode.coordinator import strangers as module
from lava_dispatcher_multinode.coordinator.strangers import Strangers


def connection(node=None):
    """Return what is looked at of a connection."""
    return type("Connection", (SimpleNamespace,), {"__hash__": object.__hash__})(
        node=node, known=False
    )


def test_the_oldest_stranger_goes_for_a_newcomer(monkeypatch):
    """Who has proved to be a member is none, and is not in the way."""
    monkeypatch.setattr(module, "STRANGERS", 1)
    strangers = Strangers(1)
    first, second, third, fourth = (connection() for _ in range(4))
    assert strangers.add(first) is None
    assert strangers.add(second) is None
    first.node = "a"
    assert strangers.welcome(first) == ""
    assert first.known
    assert strangers.add(third) is None
    assert strangers.add(fourth) is second


def test_a_member_has_so_many_and_its_places_come_back(monkeypatch):
    """A closed one counts no more, whether it was a stranger's or a member's."""
    monkeypatch.setattr(module, "PER_MEMBER", 1)
    strangers = Strangers(9)
    one, two, silent = connection("a"), connection("a"), connection()
    for each in (one, two, silent):
        strangers.add(each)
    assert strangers.welcome(silent) == ""
    assert not silent.known
    assert strangers.welcome(one) == ""
    assert "1 connections" in strangers.welcome(two)
    for each in (one, two, silent):
        strangers.remove(each)
    again = connection("a")
    strangers.add(again)
    assert strangers.welcome(again) == ""
    assert strangers.oldest() is None
