"""A board that was switched off says nothing, or it was not switched off."""

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
from lava_dispatcher_multinode.errors import ConsoleError, PowerError
from lava_dispatcher_multinode.lab.device_sections import PduDaemon, Power


class Console:
    """Answers for `lives` seconds."""

    connected = True

    def __init__(self, lives):
        self._until = time.monotonic() + lives
        self.asked = 0

    def forget(self):
        """Drop what came."""

    def write(self, data):
        """Be asked."""
        assert data == b"\x03"
        self.asked += 1

    def read(self, timeout):
        """Answer as long as it lives."""
        time.sleep(0.01)
        return b"^C\r\n# " if time.monotonic() < self._until else b""


SWITCH = SimpleNamespace(worth_checking=True)


def test_a_silent_board_is_off():
    """Some questions, and no answer."""
    console = Console(0)
    check_off("b1", SWITCH, console)
    assert console.asked == power_check.UNANSWERED_PROBES


def test_an_answer_may_be_late(monkeypatch):
    """A busy host, a far console: the second and third question find the board alive."""

    class Late(Console):
        """Answers every third question only."""

        def read(self, timeout):
            """Be slow."""
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
def test_who_is_asked(switch, asked):
    """Not a process that has ended, nor a board whose switch can only cycle."""
    console = Console(0)
    check_off("b1", switch, console)
    assert (console.asked > 0) is asked


def test_a_board_may_live_on_its_capacitors():
    """What it says in the first moments is no failure."""
    console = Console(0.1)
    check_off("b1", SWITCH, console)
    assert console.asked > 1


def test_a_board_that_goes_on_answering_was_not_switched(monkeypatch):
    """The switch of another board, or none at all."""
    monkeypatch.setattr(power_check, "DISCHARGE_TIMEOUT_S", 0.1)
    with pytest.raises(PowerError, match=r"b1: the board still answers .* 0\.1 s after power-off"):
        check_off("b1", SWITCH, Console(60))


def test_a_console_that_goes_with_the_board_is_not_written_to():
    """A write would wait for it to come back."""
    console = Console(60)
    console.connected = False
    check_off("b1", SWITCH, console)
    assert console.asked == 0


def test_a_console_that_fails_meanwhile_is_no_failure():
    """An adapter on the board's own power is gone with it."""

    class Gone(Console):
        """Is unplugged."""

        def read(self, timeout):
            """Fail."""
            raise ConsoleError("gone")

    check_off("b1", SWITCH, Gone(60))
