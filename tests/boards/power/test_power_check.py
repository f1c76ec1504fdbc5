"""A board that answers after power-off is an error."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest

from lava_dispatcher_multinode.boards.hardware import VirtualSwitch
from lava_dispatcher_multinode.boards.power import power_check
from lava_dispatcher_multinode.boards.power.pdudaemon import PduDaemonSwitch
from lava_dispatcher_multinode.boards.power.power_check import check_off
from lava_dispatcher_multinode.boards.power.power_command import CommandSwitch
from lava_dispatcher_multinode.boards.power.switch import RetryingSwitch
from lava_dispatcher_multinode.console.transport import BoardPower
from lava_dispatcher_multinode.errors import ConsoleError, PowerError
from lava_dispatcher_multinode.lab.device_sections import PduDaemon, Power


class Console:
    """Answers for `lives` seconds."""

    connected = True

    def __init__(self, lives):
        self._until = time.monotonic() + lives
        self.asked = 0

    def forget(self):
        """Drop the input."""

    def write(self, data):
        """Count a probe."""
        assert data == b"\x03"
        self.asked += 1

    def read(self, timeout):
        """Answer while the board runs."""
        time.sleep(0.01)
        return b"^C\r\n# " if time.monotonic() < self._until else b""


SWITCH = SimpleNamespace(worth_checking=True)


def test_a_silent_board_is_off():
    """Several probes have no answer."""
    console = Console(0)
    check_off("b1", SWITCH, console)
    assert console.asked == power_check.UNANSWERED_PROBES


def test_an_answer_may_be_late(monkeypatch):
    """With a busy host or a remote console, a later probe has the answer."""

    class Late(Console):
        """Answers every third probe."""

        def read(self, timeout):
            """Answer late."""
            return super().read(timeout) if self.asked % 3 == 0 else b""

    monkeypatch.setattr(power_check, "DISCHARGE_TIMEOUT_S", 0.1)
    with pytest.raises(PowerError, match="still answers"):
        check_off("b1", SWITCH, Late(60))


@pytest.mark.parametrize(
    ("switch", "asked"),
    [
        (VirtualSwitch(SimpleNamespace(known_off=True)), False),
        (VirtualSwitch(SimpleNamespace(known_off=False)), True),
        (RetryingSwitch(CommandSwitch("b1", Power(cycle="true")), 1, 0), False),
        (RetryingSwitch(CommandSwitch("b1", Power(on="true", off="true")), 1, 0), True),
        (PduDaemonSwitch("b1", Power(), PduDaemon(alias="b1")), True),
    ],
    ids=["has ended", "may run", "no command for off", "a command", "a daemon"],
)
def test_which_switches_need_a_check(switch, asked):
    """There is no probe for an ended process, nor for a switch that can only cycle."""
    console = Console(0)
    check_off("b1", switch, console)
    assert (console.asked > 0) is asked


def test_a_board_may_live_on_its_capacitors():
    """Answers in the first seconds are no failure."""
    console = Console(0.1)
    check_off("b1", SWITCH, console)
    assert console.asked > 1


def test_a_board_that_goes_on_answering_was_not_switched(monkeypatch):
    """The switch belongs to another board, or switches nothing."""
    monkeypatch.setattr(power_check, "DISCHARGE_TIMEOUT_S", 0.1)
    with pytest.raises(PowerError, match=r"b1: the board still answers .* 0\.1 s after power-off"):
        check_off("b1", SWITCH, Console(60))


def test_a_console_that_goes_with_the_board_is_not_written_to():
    """A write would wait for a reconnect."""
    console = Console(60)
    console.connected = False
    check_off("b1", SWITCH, console)
    assert console.asked == 0


def test_a_console_that_fails_meanwhile_is_no_failure():
    """The board may power the adapter."""

    class Gone(Console):
        """A console whose adapter loses power."""

        def read(self, timeout):
            """Fail."""
            raise ConsoleError("gone")

    check_off("b1", SWITCH, Gone(60))


@pytest.mark.needs("socat")
@pytest.mark.parametrize("mode", ["", ",echo=0"], ids=["cooked", "raw"])
def test_a_terminal_that_echoes_is_named(console_of, monkeypatch, mode):
    """What comes back from a terminal on the way to the board is no answer of the board."""
    monkeypatch.setattr(power_check, "DISCHARGE_TIMEOUT_S", 0.3)
    console = console_of(f"exec socat -,rawer EXEC:'sleep 60',pty{mode}")
    console.set_power(BoardPower.ON)
    if mode:
        check_off("b1", SWITCH, console)
        return
    with pytest.raises(PowerError, match="b1: after power-off, .* a terminal .* echoes") as caught:
        check_off("b1", SWITCH, console)
    assert "still answers" not in str(caught.value)
