"""The hardware that a driver controls: console transport, power switch, SD card."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

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
    from .deploy.direct import DirectKernel
    from .power.switch import PowerSwitch


class VirtualBoard(Protocol):
    """A board that exists for one run only: simulated or emulated."""

    console: Path  # a tty; it stays the same for the life of the board
    card: Path  # the SD card; written while the power is off
    root: str  # precedes /lava-<job id> and other paths on this board

    @property
    def known_off(self) -> bool:
        """True if no process of the board runs, for certain."""

    def power_on(self) -> None:
        """Switch on."""

    def power_off(self) -> None:
        """Switch off; return when no process of the board runs."""

    def boot_slot(self, deadline: Deadline) -> AbstractContextManager[None]:
        """Return the context in which the board may boot; it limits concurrent boots."""

    def setup_commands(self) -> Sequence[str]:
        """Return shell commands that set the booted board's name and network."""


@runtime_checkable
class KernelStarter(Protocol):
    """A virtual board that starts kernels without a boot loader."""

    def set_kernel(self, kernel: DirectKernel | None) -> None:
        """Start `kernel` at the next power-on; None: the boot loader."""


@dataclass(frozen=True)
class Hardware:
    """The open console, the power switch (None: there is none) and the path of the card.

    `root` precedes every path that tests use on the board: "" except for a simulated
    board without confinement.
    """

    transport: Transport
    switch: PowerSwitch | None
    card: str | None
    root: str = ""
    boot_slot: Callable[[Deadline], AbstractContextManager[object]] = nullcontext
    setup_commands: Callable[[], Sequence[str]] = tuple
    starter: KernelStarter | None = None


class VirtualSwitch:
    """The power switch of a virtual board."""

    pause = 0.0
    slow = False

    def __init__(self, board: VirtualBoard) -> None:
        self._board = board

    @property
    def worth_checking(self) -> bool:
        """True if a process of the board may still run."""
        return not self._board.known_off

    def cycle(self) -> None:
        """Switch off and on, without a pause: a process has no capacitors."""
        self._board.power_off()
        self._board.power_on()

    def on(self) -> None:
        """Switch on."""
        self._board.power_on()

    def off(self) -> None:
        """Switch off."""
        self._board.power_off()


def connect(
    device: Device,
    virtual: VirtualBoard | None,
    on_note: Callable[[str], None] = lambda _: None,
) -> Hardware:
    """Open the console of `device`; its power does not change.

    `virtual` is the board that was started for the run, None for a board of the lab.
    """
    if virtual is not None:
        return Hardware(
            open_tty(virtual.console, device.name),
            VirtualSwitch(virtual),
            str(virtual.card),
            virtual.root,
            virtual.boot_slot,
            virtual.setup_commands,
            virtual if isinstance(virtual, KernelStarter) else None,
        )
    if device.connection.is_virtual:
        raise ConsoleError(f"{device.name}: is a virtual board, and was not started")
    switch = configured_switch(device)
    return Hardware(
        open_console(
            device.connection,
            device.name,
            on_note,
            unpowered=switch is not None,
            password=device.login.password,
        ),
        switch,
        device.deploy.path,
    )
