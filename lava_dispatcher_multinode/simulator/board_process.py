"""The process of one simulated board. It lives as long as its lab."""

from __future__ import annotations

import os
import pty
import tty
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..lab.device_sections import SimulatedFirmware
from . import sd_card
from .confinement import syscalls
from .confinement.confinement import ConfinedBoard
from .faults import Crash, FaultInjector, Hang, Reset
from .file_loaders import SimulatedBarebox, SimulatedGrub
from .kernel import Kernel, Restart
from .serial_line import LabGone, PowerCut, SerialLine
from .uboot.boot_commands import KernelStart
from .uboot.dialogue import SimulatedUBoot
from .uboot.uboot_commands import COMMANDS
from .userland import Userland

if TYPE_CHECKING:
    import socket

    from .confinement.confinement import Confinement

FILE_LOADERS = {"grub": SimulatedGrub, "barebox": SimulatedBarebox}


class BoardProcess:
    """Power, firmware, kernel and programs of one board.

    `request` comes from the lab: name, firmware, index, address, card, faults.
    """

    def __init__(
        self, request: dict[str, Any], control: socket.socket, confinement: Confinement
    ) -> None:
        self._request = request
        self._firmware = SimulatedFirmware(**request["firmware"])
        self._card = Path(request["card"])
        self._confinement = confinement
        self._saved_environment: dict[str, str] | None = None
        self._generations: dict[tuple[int, int, int], int] = {}
        master, self._slave = pty.openpty()  # kept open: without a reader the line must stay
        tty.setraw(self._slave)
        self._serial = SerialLine(master, control, FaultInjector(request["faults"]))

    def run(self) -> None:
        """Run until the lab ends."""
        syscalls.adopt_orphans()
        syscalls.set_name(self._request["name"])
        serial = self._serial
        serial.send_reply({"console": os.ttyname(self._slave)})
        try:
            while True:
                try:
                    while not serial.powered:
                        serial.wait(None, (serial.master,))
                        serial.discard_input()
                    self._run_powered()
                except PowerCut:
                    serial.confirm_power_off()
        except LabGone:
            return

    def _run_powered(self) -> None:
        """Run from power-on to the power cut."""
        serial = self._serial
        while True:
            serial.kernel_since = None
            try:
                self._run_boot_loader()
            except KernelStart as start:
                start.__traceback__ = None  # it keeps the memory of the boot loader alive
                try:
                    self._run_linux(start)
                except (Restart, Reset):
                    continue
                except Hang:
                    pass
            except Reset:
                continue
            except Crash:
                serial.write_text("\n### ERROR ### Please RESET the board ###\n")
            except Hang:
                pass
            serial.wait_for_power_cut()

    def _run_boot_loader(self) -> None:
        if kind := FILE_LOADERS.get(self._firmware.boot_loader):
            kind(self._serial, self._firmware, self._card).run()
            return
        loader = SimulatedUBoot(
            self._serial, self._firmware, self._card, self._saved_environment, COMMANDS
        )
        try:
            loader.run()
        finally:
            self._saved_environment = loader.saved

    def _run_linux(self, start: KernelStart) -> None:
        kernel = Kernel(self._serial, self._firmware, self._card, start)
        userland = None
        try:
            kernel.boot()
            userland = Userland(self._serial, kernel, self._confinement, self._confined_board())
            userland.run()
        except Crash as crash:
            if userland is not None:
                userland.close()
            kernel.panic(str(crash))
        except (OSError, RuntimeError) as error:
            kernel.log(f"simulated board: {error}")
            kernel.panic("No working init found.")
        finally:
            if userland is not None:
                userland.close()

    def _confined_board(self) -> ConfinedBoard:
        """Return the description of the board for its confinement."""
        request = self._request
        signature = sd_card.signature(self._card)
        if signature not in self._generations:  # a new deployment starts a new generation
            self._generations = {signature: sum(self._generations.values()) + 1}
        return ConfinedBoard(
            request["name"],
            request["index"],
            request["address"],
            self._serial.hosts,
            self._generations[signature],
            self._serial.faults.autologin,
            self._firmware.serial_port,
        )
