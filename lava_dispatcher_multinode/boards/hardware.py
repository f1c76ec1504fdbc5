"""What a board is reached by: its console's transport, its switch, its card."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from ..console.open import open_console, open_tty
from ..errors import ConsoleError
from .power.switch import configured_switch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from ..console.transport import Transport
    from ..deadline import Deadline
    from ..lab.device_model import Device
    from .power.switch import PowerSwitch


class VirtualBoard(Protocol):
    """A board that is a process of the run: simulated or emulated."""

    console: Path  # a tty; it stays the same for the life of the board
    card: Path  # the SD card; written while the power is off
    root: str  # what comes before /lava-<job id> and the like on this board

    @property
    def known_off(self) -> bool:
        """Whether nothing of it runs, for certain."""

    def power_on(self) -> None:
        """Switch on."""

    def power_off(self) -> None:
        """Switch off; nothing of the board runs any more when this returns."""

    def turn(self, deadline: Deadline) -> AbstractContextManager[None]:
        """Return the context in which the board may boot, beside the run's others."""

    def introduction(self) -> Sequence[str]:
        """Return the shell commands that tell the board, once booted, its name and network."""


def _at_once(_deadline: Deadline) -> AbstractContextManager[None]:
    return nullcontext()


def _nothing_to_tell() -> Sequence[str]:
    return ()


@dataclass(frozen=True)
class Hardware:
    """The open console, the switch (None: the board has none) and where its card is.

    `root` comes before every path that tests have on the board: "" but for a
    simulated board that is not confined.
    """

    transport: Transport
    switch: PowerSwitch | None
    card: str | None
    root: str = ""
    turn: Callable[[Deadline], AbstractContextManager[None]] = _at_once
    introduction: Callable[[], Sequence[str]] = _nothing_to_tell


class VirtualSwitch:
    """The power switch of a virtual board."""

    def __init__(self, board: VirtualBoard) -> None:
        self._board = board

    @property
    def worth_checking(self) -> bool:
        """Whether something of the board may still run."""
        return not self._board.known_off

    def cycle(self) -> None:
        """Off and on; a process has no capacitors."""
        self._board.power_off()
        self._board.power_on()

    def on(self) -> None:
        """On."""
        self._board.power_on()

    def off(self) -> None:
        """Off."""
        self._board.power_off()


def connect(device: Device, virtual: VirtualBoard | None) -> Hardware:
    """Open the console of `device`, whose power is still as it was."""
    if virtual is not None:
        return Hardware(
            open_tty(virtual.console, device.name),
            VirtualSwitch(virtual),
            str(virtual.card),
            virtual.root,
            virtual.turn,
            virtual.introduction,
        )
    if device.connection.is_virtual:
        raise ConsoleError(f"{device.name}: is a board of a run's own, and was not started")
    return Hardware(
        open_console(device.connection, device.name),
        configured_switch(device),
        device.deploy.path,
    )
