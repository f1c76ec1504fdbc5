"""What a board is reached by: its console's transport, its switch, its card."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..console.open import open_console, open_tty
from ..errors import ConsoleError
from .power.switch import configured_switch

if TYPE_CHECKING:
    from ..console.transport import Transport
    from ..lab.device import Device
    from .power.switch import PowerSwitch
    from .simulated.lab import SimulatedBoard


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


class SimulatedSwitch:
    """The switch of a board that is a process."""

    def __init__(self, board: SimulatedBoard) -> None:
        self._board = board

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


def connect(device: Device, simulated: SimulatedBoard | None) -> Hardware:
    """Open the console of `device`, whose power is still as it was."""
    if simulated is not None:
        return Hardware(
            open_tty(simulated.console, device.name),
            SimulatedSwitch(simulated),
            str(simulated.card),
            simulated.root,
        )
    if device.connection.simulated:
        raise ConsoleError(f"{device.name}: is a simulated board that was not started")
    return Hardware(
        open_console(device.connection, device.name),
        configured_switch(device),
        device.deploy.path,
    )
