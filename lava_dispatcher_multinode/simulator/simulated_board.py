"""One simulated board: a process from the making of its lab to the lab's end."""

from __future__ import annotations

import os
import pty
import tty
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .confinement import syscalls
from .confinement.confinement import Site
from .fault_injection import Crash, Hang, Mischief, Reset
from .kernel import Kernel, Restart
from .models import MODELS
from .serial_line import LabGone, PowerCut, Wire
from .uboot import storage
from .uboot.dialogue import UBoot
from .uboot.uboot_boot import KernelStart
from .userland import Userland

if TYPE_CHECKING:
    import socket

    from .confinement.confinement import Confinement


class Board:
    """The machine: power, firmware, kernel, programs.

    `request` is the lab's: name, model, index, address, card, faults.
    """

    def __init__(
        self, request: dict[str, Any], control: socket.socket, confinement: Confinement
    ) -> None:
        self._request = request
        self._model = MODELS[request["model"]]
        self._card = Path(request["card"])
        self._confinement = confinement
        self._saved_environment: dict[str, str] | None = None
        self._generations: dict[tuple[int, int, int], int] = {}
        master, self._slave = pty.openpty()  # held open: the line stays when nobody listens
        tty.setraw(self._slave)
        self._wire = Wire(master, control, Mischief(request["faults"]))

    def run(self) -> None:
        """Be a board until the lab is gone."""
        syscalls.adopt_orphans()
        syscalls.set_name(self._request["name"])
        wire = self._wire
        wire.answer({"console": os.ttyname(self._slave)})
        try:
            while True:
                try:
                    while not wire.powered:
                        wire.wait(None, (wire.master,))
                        wire.discard()
                    self._on()
                except PowerCut:
                    wire.off()
        except LabGone:
            return

    def _on(self) -> None:
        """Run from power-on until the power is cut."""
        wire = self._wire
        while True:
            wire.kernel_since = None
            try:
                self._boot_loader()
            except KernelStart as start:
                start.__traceback__ = None  # it would keep the boot loader's memory
                try:
                    self._linux(start)
                except (Restart, Reset):
                    continue
                except Hang:
                    pass
            except Reset:
                continue
            except Crash:
                wire.text("\n### ERROR ### Please RESET the board ###\n")
            except Hang:
                pass
            wire.forever()

    def _boot_loader(self) -> None:
        loader = UBoot(self._wire, self._model, self._card, self._saved_environment)
        try:
            loader.run()
        finally:
            self._saved_environment = loader.saved

    def _linux(self, start: KernelStart) -> None:
        kernel = Kernel(self._wire, self._model, self._card, start)
        userland = None
        try:
            kernel.boot()
            userland = Userland(self._wire, kernel, self._confinement, self._site())
            userland.run()
        except Crash as crash:
            if userland is not None:
                userland.close()
            kernel.panic(str(crash))
        except (OSError, RuntimeError) as error:
            kernel.log(f"simulated board: {error}", quiet=False)
            kernel.panic("No working init found.")
        finally:
            if userland is not None:
                userland.close()

    def _site(self) -> Site:
        """Return what the confinement has to know; a rewritten card is a new generation."""
        request = self._request
        signature = storage.signature(self._card)
        if signature not in self._generations:
            self._generations = {signature: sum(self._generations.values()) + 1}
        return Site(
            request["name"],
            request["index"],
            request["address"],
            self._wire.hosts,
            self._generations[signature],
            self._wire.mischief.autologin,
        )
