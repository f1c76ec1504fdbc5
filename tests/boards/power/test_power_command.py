"""The switch that runs shell commands."""

from __future__ import annotations

import pytest

from lava_dispatcher_multinode.boards.power.power_command import CommandSwitch
from lava_dispatcher_multinode.errors import PowerError
from lava_dispatcher_multinode.lab.device_sections import Power


def test_off_and_on_make_a_cycle(tmp_path):
    """Without `cycle`, it runs off, then on."""
    log = tmp_path / "log"
    power = Power(on=f"echo on >> {log}", off=f"echo off >> {log}", settle=0)
    CommandSwitch("b1", power).cycle()
    assert log.read_text() == "off\non\n"


def test_the_cycle_command_wins(tmp_path):
    """A configured `cycle` replaces off and on."""
    log = tmp_path / "log"
    power = Power(on="false", off="false", cycle=f"echo cycle >> {log}")
    CommandSwitch("b1", power).cycle()
    assert log.read_text() == "cycle\n"


def test_a_failing_command_is_an_error_with_its_output():
    """The error has device, key, command, code and output."""
    switch = CommandSwitch("b1", Power(off="echo no route to PDU >&2; exit 7"))
    with pytest.raises(PowerError, match=r"b1: power\.off .* exited with 7: no route to PDU"):
        switch.off()


def test_the_arguments_of_a_command_are_redacted():
    """Arguments may be passwords, and errors are published with results."""
    switch = CommandSwitch("b1", Power(off="pdu() { exit 7; }; pdu -p swordfish"))
    with pytest.raises(PowerError, match=r"b1: power\.off 'pdu\(\) …' exited with 7") as caught:
        switch.off()
    assert "swordfish" not in str(caught.value)


def test_a_hanging_command_is_an_error():
    """A command without an end fails after the timeout; the error names its key."""
    with pytest.raises(
        PowerError, match=r"b1: power\.off .* has not ended within 0.2 s \(power.timeout\)"
    ):
        CommandSwitch("b1", Power(off="sleep 100", timeout=0.2)).off()


def test_no_off_command_is_fine():
    """A board with only a reset line stays on."""
    CommandSwitch("b1", Power(cycle="true")).off()


def test_on_is_a_cycle_where_there_is_no_other(tmp_path):
    """A board with only a reset line can be started."""
    log = tmp_path / "log"
    CommandSwitch("b1", Power(cycle=f"echo cycle >> {log}")).on()
    CommandSwitch("b1", Power(on=f"echo on >> {log}", cycle="false")).on()
    assert log.read_text() == "cycle\non\n"
