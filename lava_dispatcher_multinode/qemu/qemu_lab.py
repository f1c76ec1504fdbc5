"""The lab of a job's emulated boards: make them, switch them, be rid of them."""

from __future__ import annotations

import os
import pty
import threading
import tty
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Self

from ..boards.boot_slots import BootSlots, processors
from ..errors import PowerError
from .machines import MACHINES, firmware
from .qemu_network import GroupNetwork
from .qemu_process import Qemu

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from ..deadline import Deadline
    from ..lab.device_model import Device, QemuMachine

_SMALLEST_CARD = 64 << 20
DIED = "emulated board: "  # on the console, before the reason; a death string


class EmulatedBoard:
    """One board: a QEMU process while its power is on."""

    def __init__(self, lab: EmulatedLab, device: Device, index: int, directory: Path) -> None:
        assert device.connection.qemu is not None
        self.name = device.name
        self.root = ""
        self.address = lab.network.address(index)
        #: The SD card; write it while the power is off.
        self.card = Path(device.deploy.path or directory / f"{device.name}.img")
        self._lab = lab
        self._index = index
        self._settings: QemuMachine = device.connection.qemu
        self._log = directory / f"{device.name}.log"
        self._lock = threading.Lock()
        self._qemu: Qemu | None = None
        # As a serial adapter, the console is there whether or not the board has power.
        self._master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        self.console = Path(os.ttyname(self._slave))

    def power_on(self) -> None:
        """Switch on; return when QEMU runs, which is long before Linux does."""
        with self._lock:
            if self._qemu is not None:
                return
            self._qemu = self._lab.start(self._start)

    def power_off(self) -> None:
        """Switch off; nothing of the board runs any more when this returns."""
        with self._lock:
            if self._qemu is not None:
                self._qemu.kill()
                self._qemu = None

    @property
    def known_off(self) -> bool:
        """Whether its QEMU has ended, or was never started."""
        return self._qemu is None

    def boot_slot(self, deadline: Deadline) -> AbstractContextManager[None]:
        """Return the context in which this board may boot."""
        return self._lab.slots.acquire(deadline)

    def setup_commands(self) -> Sequence[str]:
        """Return the shell commands that tell the board, once booted, who and where it is."""
        modules = MACHINES[self._settings.machine].group_modules
        hosts = self._lab.hosts()
        return self._lab.network.setup_commands(self.name, self._index, hosts, modules)

    def close(self) -> None:
        """Take the board away."""
        self.power_off()
        with self._lock:
            os.close(self._master)
            os.close(self._slave)

    def _start(self) -> Qemu:
        settings, machine = self._settings, MACHINES[self._settings.machine]
        loader = firmware(settings.machine, settings.firmware)
        try:
            _prepare(self.card)
            if machine.on_card is not None:
                _burn(self.card, machine.on_card, loader)
        except OSError as error:
            raise PowerError(f"{self.name}: the card {self.card}: {error.strerror}") from error
        self._forget_what_was_typed()
        network = self._lab.network
        card = str(self.card.absolute()).replace(",", ",,")
        to_host, to_group = (
            [word.format(id=identity, mac=network.mac(self._index, number)) for word in words]
            for number, (identity, words) in enumerate(
                (("host", machine.host_nic), ("group", machine.group_nic))
            )
        )
        words = [
            *machine.arguments,
            *("-m", str(settings.memory or machine.memory)),
            *("-nodefaults", "-display", "none"),
            *("-add-fd", f"fd={self._master},set=1"),
            *("-chardev", "serial,id=console,path=/dev/fdset/1", "-serial", "chardev:console"),
            *(() if machine.on_card is not None else ("-bios", str(loader))),
            *(word.format(card=card) for word in machine.card),
            *network.words(self._index, "host", "group"),
            # The last one is Linux's and U-Boot's first: that is the way to the host.
            *to_group,
            *to_host,
            *settings.arguments,
        ]
        return Qemu(self.name, words, (self._master,), self._log, self._ended)

    def _forget_what_was_typed(self) -> None:
        """Drop what came while the board was off: it would stop U-Boot's countdown."""
        os.set_blocking(self._master, False)
        with suppress(BlockingIOError):
            while os.read(self._master, 65536):
                pass

    def _ended(self, reason: str) -> None:
        """Say on the console what nobody else can: who listens there is told at once."""
        with self._lock, suppress(OSError):
            if self._qemu is None:  # switched off in the meantime, or taken away
                return
            os.write(self._master, f"\r\n{DIED}{reason}\r\n".encode())


class EmulatedLab:
    """All emulated boards of one job, with the network between them.

    `directory` is for scratch files; whoever made it removes it.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._boards: dict[str, EmulatedBoard] = {}
        self.network = GroupNetwork()
        self.slots = BootSlots(processors())
        # QEMU ends with the thread that starts it; a pool's one worker lasts until `close`.
        self._starter = ThreadPoolExecutor(1, thread_name_prefix="emulated boards")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def add(self, device: Device) -> EmulatedBoard:
        """Make the board that `device` describes; its power is off.

        All are made before the first is switched on.
        """
        board = EmulatedBoard(self, device, len(self._boards), self._directory)
        self._boards[device.name] = board
        return board

    def hosts(self) -> dict[str, str]:
        """Return every board's address in the group's network, by name."""
        return {board.name: board.address for board in self._boards.values()}

    def close(self) -> None:
        """Switch all boards off."""
        for board in self._boards.values():
            board.close()
        self._starter.shutdown()
        self.network.close()

    def start(self, starter: Callable[[], Qemu]) -> Qemu:
        """Return what `starter` returns, having run it in the thread that lasts."""
        return self._starter.submit(starter).result()


def _prepare(card: Path) -> None:
    """Make the card's size a power of two, as real ones have; an empty one if there is none."""
    if card.is_block_device():
        return
    with card.open("ab") as file:
        size = max(file.tell(), _SMALLEST_CARD)
        file.truncate(1 << (size - 1).bit_length())


def _burn(card: Path, at: int, loader: Path) -> None:
    """Write the boot loader to where the boot ROM looks for it, before the first partition."""
    with card.open("r+b") as file:
        file.seek(at)
        file.write(loader.read_bytes())
