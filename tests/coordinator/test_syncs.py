"""The lava-syncs of a round."""

import pytest

from lava_dispatcher_multinode.coordinator.syncs import Syncs
from lava_dispatcher_multinode.multinode.api import Api, Call

ONE, OTHER = Call(Api.SYNC, "x"), Call(Api.SYNC, "y")


class Kept:
    """A group that notes what is put to it; and a ticket, its caller and its peer."""

    def __init__(self, error=None):
        self.put, self.left, self.error = [], 0, error
        self.caller = self.peer = self

    def sync_all(self, call, askers, now):
        """Note it."""
        self.put.append((call.id, [node for node, _ in askers], now))
        if self.error:
            raise self.error
        yield [call.id]

    def hang_up(self):
        """Note that it was sent away."""
        self.left += 1


def test_those_that_are_the_same_are_put_together_and_once():
    """In the order in which they came; others put those before them."""
    group, done = Kept(), []
    syncs = Syncs(group, done.append)
    for node, call in (("a", ONE), ("b", ONE), ("c", OTHER), ("d", ONE)):
        syncs.add(node, call, group, 1.0)
    assert group.put == [("x", ["a", "b"], 1.0), ("y", ["c"], 1.0)]
    for _ in range(2):
        syncs.put(2.0)
    assert group.put[2:] == [("x", ["d"], 2.0)]
    assert done == [["x"], ["y"], ["x"]]


def test_who_would_wait_for_ever_after_a_bug_is_sent_away():
    """And the next ones are put as ever."""
    group = Kept(ZeroDivisionError())
    syncs = Syncs(group, print)
    for node in "ab":
        syncs.add(node, ONE, group, 1.0)
    with pytest.raises(ZeroDivisionError):
        syncs.put(1.0)
    assert group.left == 2
    syncs.put(2.0)
    assert len(group.put) == 1
