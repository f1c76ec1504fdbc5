"""Who is lost with its connection."""

from types import SimpleNamespace

from lava_dispatcher_multinode.coordinator.presence import Presence


class Peer(SimpleNamespace):
    """A connection of a member."""

    __hash__ = object.__hash__
    __eq__ = object.__eq__


def test_lost_after_the_grace():
    """Once, and when the last of its connections is gone."""
    presence, first, second = Presence(10), Peer(node="a"), Peer(node="a")
    presence.here("a", first)
    presence.here("a", second)
    presence.gone(first, 1.0)
    assert presence.missed.next() is None
    presence.gone(second, 2.0)
    presence.gone(second, 9.0)
    assert presence.missed.next() == 12.0
    assert list(presence.lost(11.9)) == []
    assert list(presence.lost(12.0)) == ["a"]
    assert list(presence.lost(99.0)) == []


def test_who_comes_back_is_not_lost():
    """In time; and other connections say nothing."""
    presence, peer = Presence(10), Peer(node="a")
    presence.here("a", peer)
    presence.gone(peer, 1.0)
    presence.gone(Peer(node="a"), 2.0)
    presence.gone(Peer(node=None), 2.0)
    presence.here("a", Peer(node="a"))
    assert presence.missed.next() is None


def test_without_a_grace_nobody_is_lost():
    """Inside of a job something else knows."""
    presence, peer = Presence(None), Peer(node="a")
    presence.here("a", peer)
    presence.gone(peer, 1.0)
    assert presence.missed.next() is None
