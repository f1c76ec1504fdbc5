"""Faults, as they happen."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lava_dispatcher_multinode.simulator.fault_injection import Crash, Hang, Mischief, Reset

DATA = bytes(range(256)) * 40


def chunks(data, sizes):
    """Cut `data` into parts of these sizes, again and again."""
    at = 0
    while at < len(data):
        for size in sizes:
            yield data[at : at + size]
            at += size


@given(st.binary(), st.lists(st.integers(1, 50), min_size=1))
def test_no_faults(data, sizes):
    """Without faults every byte passes in both directions."""
    mischief = Mischief({})
    assert b"".join(mischief.outgoing(part, 0.0) for part in chunks(data, sizes)) == data
    assert b"".join(mischief.incoming(part) for part in chunks(data, sizes)) == data
    assert list(mischief.watch(data)) == [(data, None)]


@given(st.lists(st.integers(1, 500), min_size=1), st.integers(0, 9))
def test_drops_depend_on_the_bytes_only(sizes, seed):
    """The same bytes are lost however they are cut into pieces: a failure can be repeated."""
    settings = {"drop": 0.05, "seed": seed}
    whole = Mischief(settings).outgoing(DATA, None)
    parts = Mischief(settings)
    assert b"".join(parts.outgoing(part, None) for part in chunks(DATA, sizes)) == whole
    assert 0.5 < (len(DATA) - len(whole)) / (0.05 * len(DATA)) < 1.6


def test_drop_by_direction():
    """Each direction can lose by itself."""
    mischief = Mischief({"drop_input": 0.5})
    assert mischief.outgoing(DATA, None) == DATA
    assert len(mischief.incoming(DATA)) < len(DATA)


def test_everything_lost():
    """Probability one loses everything."""
    assert Mischief({"drop": 1.0}).outgoing(DATA, None) == b""


def test_noise_only_adds():
    """Noise puts bytes between; what was sent is all there, in order."""
    noisy = Mischief({"noise": 0.1}).outgoing(DATA, None)
    assert len(noisy) > len(DATA)
    left = iter(noisy)
    assert all(byte in left for byte in DATA)


def test_printk_needs_a_kernel():
    """Kernel messages come between bytes once a kernel runs, whole lines."""
    mischief = Mischief({"printk": 0.01})
    assert mischief.outgoing(DATA, None) == DATA
    printed = mischief.outgoing(b"x" * 1000, 0.0)
    assert printed.replace(b"x", b"").count(b"\r\n") == printed.count(b"[") > 1


@pytest.mark.parametrize(("kind", "wanted"), [("panic", Crash), ("hang", Hang), ("reboot", Reset)])
def test_points(kind, wanted):
    """A fault happens at its point and at no other."""
    mischief = Mischief({kind: "login"})
    mischief.reach("kernel")
    with pytest.raises(wanted):
        mischief.reach("login")


def test_times():
    """A fault that happens so many times does not happen again."""
    mischief = Mischief({"panic": "kernel", "times": 2})
    for _ in range(2):
        with pytest.raises(Crash):
            mischief.reach("kernel")
    mischief.reach("kernel")


def test_what_has_not_happened():
    """A fault with a point is pending until it happens for the first time."""
    mischief = Mischief({"panic": "kernel", "hang": {"text": "x"}, "reboot": 5.0, "noise": 0.1})
    assert mischief.pending() == ["panic", "hang", "reboot"]
    with pytest.raises(Crash):
        mischief.reach("kernel")
    assert mischief.pending() == ["hang", "reboot"]
    list(mischief.watch(b"x"))
    assert mischief.pending() == ["reboot"]
    with pytest.raises(Reset):
        mischief.due(6.0)
    assert mischief.pending() == []


def test_after_seconds():
    """A fault after seconds of shell says how long to wait, then happens."""
    mischief = Mischief({"hang": 5.0})
    assert mischief.due(2.0) == 3.0
    with pytest.raises(Hang):
        mischief.due(5.0)


@given(st.lists(st.integers(1, 9), min_size=1))
def test_text_is_found_across_parts(sizes):
    """A text waited for is found however it is cut; nothing after it is printed."""
    mischief = Mischief({"reboot": {"text": "ready"}})
    printed = b""
    for part in chunks(b"almost read, now ready. not printed", sizes):
        for shown, event in mischief.watch(part):
            printed += shown
            if event is not None:
                with pytest.raises(Reset):
                    event.happen()
                assert printed == b"almost read, now ready"
                return
    pytest.fail("the text was not found")


def test_speed():
    """9600 baud is 960 characters a second, in small portions."""
    mischief = Mischief({"slow": 9600})
    assert mischief.seconds_for(960) == pytest.approx(1.0)
    assert 1 <= mischief.burst <= 96
