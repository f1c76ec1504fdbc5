"""Faults, as they are written down."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lava_dispatcher_multinode.errors import InvalidJob
from lava_dispatcher_multinode.simulator import faults


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
    """Values of a device file and of the variable mean the same."""
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
    """A wrong value is refused by what it should have been."""
    with pytest.raises(InvalidJob, match=message):
        faults.check({name: value}, "here")


def test_every_mistake_at_once():
    """All that is wrong is said, with its place and the nearest known name."""
    with pytest.raises(InvalidJob) as caught:
        faults.check({"pannic": "login", "slow": -1}, "device panda01: simulated")
    first, second = caught.value.problems
    assert str(first) == (
        "device panda01: simulated: unknown fault 'pannic' (did you mean 'panic'?)"
    )
    assert "slow: -1 is not" in second.message


def test_variable():
    """The variable gives faults to devices by name."""
    text = "panda02:panic=login,noise=0.01; beaglexm01:slow=9600,no_autoboot;"
    assert faults.from_variable(text) == {
        "panda02": {"panic": "login", "noise": 0.01},
        "beaglexm01": {"slow": 9600, "no_autoboot": True},
    }


def test_variable_without_a_device():
    """A fault of nobody is refused, with how to write it."""
    with pytest.raises(InvalidJob, match="names no device"):
        faults.from_variable("panic=login")


@given(st.text())
def test_any_variable(text):
    """Any text is read or refused."""
    try:
        found = faults.from_variable(text)
    except InvalidJob:
        return
    assert all(name in faults.KINDS for settings in found.values() for name in settings)
