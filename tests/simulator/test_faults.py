"""Fault injection: settings, and their effect on a serial line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lava_dispatcher_multinode.errors import InvalidJob
from lava_dispatcher_multinode.simulator import faults
from lava_dispatcher_multinode.simulator.faults import Crash, FaultInjector, Hang, Reset

DATA = bytes(range(256)) * 40


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("slow", "9600", 9600),
        ("noise", 0.5, 0.5),
        ("drop", "0.01", 0.01),
        ("panic", "login", "login"),
        ("hang", 3, 3.0),
        ("hang", "2.5", 2.5),
        ("reboot", {"after": 4}, 4.0),
        ("panic", "text:ready", {"text": "ready"}),
        ("panic", {"text": "ready"}, {"text": "ready"}),
        ("power", "dead", "dead"),
        ("no_autoboot", "yes", True),
        ("autologin", False, False),
        ("times", "2", 2),
    ],
)
def test_values(name, value, wanted):
    """Values have the same meaning in a device file and in the variable."""
    assert faults.check({name: value}, "here") == {name: wanted}


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("slow", 3, "whole number from 50"),
        ("slow", "fast", "a number"),
        ("noise", 2, "probability"),
        ("panic", "nowhere", "one of uboot, kernel, login, shell"),
        ("power", "off", "dead or stuck"),
        ("drop", True, "a number"),
        ("noise", "nan", "a number from 0"),
        ("printk_every", 0, "above 0"),
        ("autologin", "maybe", "true or false"),
        ("times", 0, "from 1"),
        ("hang", {}, "one of"),
    ],
)
def test_wrong_values(name, value, message):
    """The error for a wrong value names the valid ones."""
    with pytest.raises(InvalidJob, match=message):
        faults.check({name: value}, "here")


def test_every_mistake_at_once():
    """All errors are reported at once, with place and nearest known name."""
    with pytest.raises(InvalidJob) as caught:
        faults.check({"pannic": "login", "slow": -1}, "device panda01: simulated")
    first, second = caught.value.problems
    assert str(first) == (
        "device panda01: simulated: unknown fault 'pannic' (did you mean 'panic'?)"
    )
    assert "slow: -1 is not" in second.message


def test_variable():
    """The variable assigns faults to devices by name."""
    text = "panda02:panic=login,noise=0.01; beaglexm01:slow=9600,no_autoboot;"
    assert faults.parse_variable(text) == {
        "panda02": {"panic": "login", "noise": 0.01},
        "beaglexm01": {"slow": 9600, "no_autoboot": True},
    }


def test_variable_without_a_device():
    """A fault without a device is rejected, with the syntax as hint."""
    with pytest.raises(InvalidJob, match="names no device"):
        faults.parse_variable("panic=login")


@given(st.text())
def test_any_variable(text):
    """Any text is parsed or rejected."""
    try:
        found = faults.parse_variable(text)
    except InvalidJob:
        return
    assert all(name in faults.KINDS for settings in found.values() for name in settings)


def chunks(data, sizes):
    """Cut `data` into parts of these sizes, repeatedly."""
    at = 0
    while at < len(data):
        for size in sizes:
            yield data[at : at + size]
            at += size


@given(st.binary(), st.lists(st.integers(1, 50), min_size=1))
def test_no_faults(data, sizes):
    """Without faults every byte passes in both directions."""
    injector = FaultInjector({})
    assert b"".join(injector.distort_output(part, 0.0) for part in chunks(data, sizes)) == data
    assert b"".join(injector.distort_input(part) for part in chunks(data, sizes)) == data
    assert list(injector.split_at_triggers(data)) == [(data, None)]


@given(st.lists(st.integers(1, 500), min_size=1), st.integers(0, 9))
def test_drops_do_not_depend_on_the_parts(sizes, seed):
    """The same bytes are lost for any split into parts: a failure is repeatable."""
    settings = {"drop": 0.05, "seed": seed}
    whole = FaultInjector(settings).distort_output(DATA, None)
    parts = FaultInjector(settings)
    assert b"".join(parts.distort_output(part, None) for part in chunks(DATA, sizes)) == whole
    assert 0.5 < (len(DATA) - len(whole)) / (0.05 * len(DATA)) < 1.6


def test_drop_by_direction():
    """Each direction can lose bytes on its own."""
    injector = FaultInjector({"drop_input": 0.5})
    assert injector.distort_output(DATA, None) == DATA
    assert len(injector.distort_input(DATA)) < len(DATA)


def test_everything_lost():
    """Probability 1 loses all bytes."""
    assert FaultInjector({"drop": 1.0}).distort_output(DATA, None) == b""


def test_noise_only_adds():
    """Noise inserts bytes and keeps the sent ones in order."""
    noisy = FaultInjector({"noise": 0.1}).distort_output(DATA, None)
    assert len(noisy) > len(DATA)
    left = iter(noisy)
    assert all(byte in left for byte in DATA)


def test_printk_needs_a_kernel():
    """Kernel messages are whole lines and appear only while a kernel runs."""
    injector = FaultInjector({"printk": 0.01})
    assert injector.distort_output(DATA, None) == DATA
    printed = injector.distort_output(b"x" * 1000, 0.0)
    assert printed.replace(b"x", b"").count(b"\r\n") == printed.count(b"[") > 1


@pytest.mark.parametrize(("kind", "wanted"), [("panic", Crash), ("hang", Hang), ("reboot", Reset)])
def test_points(kind, wanted):
    """A fault is triggered at its point and at no other."""
    injector = FaultInjector({kind: "login"})
    injector.checkpoint("kernel")
    with pytest.raises(wanted):
        injector.checkpoint("login")


def test_times():
    """`times` limits how often a fault is triggered."""
    injector = FaultInjector({"panic": "kernel", "times": 2})
    for _ in range(2):
        with pytest.raises(Crash):
            injector.checkpoint("kernel")
    injector.checkpoint("kernel")


def test_pending_faults():
    """A fatal fault is pending until it is triggered for the first time."""
    injector = FaultInjector(
        {"panic": "kernel", "hang": {"text": "x"}, "reboot": 5.0, "noise": 0.1}
    )
    assert injector.pending() == ["panic", "hang", "reboot"]
    with pytest.raises(Crash):
        injector.checkpoint("kernel")
    assert injector.pending() == ["hang", "reboot"]
    list(injector.split_at_triggers(b"x"))
    assert injector.pending() == ["reboot"]
    with pytest.raises(Reset):
        injector.check_timers(6.0)
    assert injector.pending() == []


def test_after_seconds():
    """A timed fault returns the remaining seconds, then is triggered."""
    injector = FaultInjector({"hang": 5.0})
    assert injector.check_timers(2.0) == 3.0
    with pytest.raises(Hang):
        injector.check_timers(5.0)


@given(st.lists(st.integers(1, 9), min_size=1))
def test_text_is_found_across_parts(sizes):
    """A trigger text is found for any split into parts; nothing after it is printed."""
    injector = FaultInjector({"reboot": {"text": "ready"}})
    printed = b""
    for part in chunks(b"almost read, now ready. not printed", sizes):
        for shown, fault in injector.split_at_triggers(part):
            printed += shown
            if fault is not None:
                with pytest.raises(Reset):
                    raise fault
                assert printed == b"almost read, now ready"
                return
    pytest.fail("the text was not found")


def test_speed():
    """9600 baud is 960 characters a second, in small bursts."""
    injector = FaultInjector({"slow": 9600})
    assert injector.transmission_time(960) == pytest.approx(1.0)
    assert 1 <= injector.burst <= 96
