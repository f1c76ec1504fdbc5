"""A board that was switched off says nothing, or it was not switched off."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest

from lava_dispatcher_multinode.boards.power import check
from lava_dispatcher_multinode.boards.power.check import check_off
from lava_dispatcher_multinode.errors import ConsoleError, PowerError


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


SWITCH = SimpleNamespace(can_switch_off=True)


def test_a_silent_board_is_off():
    """Some questions, and no answer."""
    console = Console(0)
    check_off("b1", SWITCH, console)
    assert console.asked == check.QUESTIONS


def test_an_answer_may_be_late(monkeypatch):
    """A busy host, a far console: the second and third question find the board alive."""

    class Late(Console):
        """Answers every third question only."""

        def read(self, timeout):
            """Be slow."""
            return super().read(timeout) if self.asked % 3 == 0 else b""

    monkeypatch.setattr(check, "LINGER", 0.1)
    with pytest.raises(PowerError, match="still answers"):
        check_off("b1", SWITCH, Late(60))


def test_a_board_that_is_known_to_be_off_is_not_asked():
    """One that is a process: it has ended."""
    console = Console(60)
    check_off("b1", SimpleNamespace(known_off=True), console)
    assert console.asked == 0


def test_a_board_may_live_on_its_capacitors():
    """What it says in the first moments is no failure."""
    console = Console(0.1)
    check_off("b1", SWITCH, console)
    assert console.asked > 1


def test_a_board_that_goes_on_answering_was_not_switched(monkeypatch):
    """The switch of another board, or none at all."""
    monkeypatch.setattr(check, "LINGER", 0.1)
    with pytest.raises(PowerError, match=r"b1: the board still answers .* 0\.1 s after power-off"):
        check_off("b1", SWITCH, Console(60))


def test_a_switch_that_cannot_switch_off_is_not_checked():
    """There may be a command that cycles the power, and none for off."""
    console = Console(60)
    check_off("b1", SimpleNamespace(can_switch_off=False), console)
    assert console.asked == 0


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
