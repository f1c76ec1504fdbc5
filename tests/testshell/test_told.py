"""Lines of signals that were told over the channel are known."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lava_dispatcher_multinode.testshell.told import KEPT, Told


@given(st.lists(st.sampled_from([b"a", b"b", b"c"]), max_size=50))
def test_each_is_claimed_once(texts):
    """A text is claimed as often as it was told, in any order, and no more."""
    told = Told()
    for text in texts:
        told.add(text)
    assert all(told.claim(text) for text in reversed(texts))
    assert not any(told.claim(text) for text in texts)


def test_the_oldest_go():
    """What never came is forgotten, so that memory stays flat."""
    told = Told()
    for number in range(KEPT + 1):
        told.add(b"%d" % number)
    assert not told.claim(b"0")
    assert told.claim(b"1")
