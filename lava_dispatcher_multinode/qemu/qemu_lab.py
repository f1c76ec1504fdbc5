"""The emulated boards of one job, as the dispatcher controls them."""

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
from .acceleration import choose
from .machines import EMULATED_CPU, MACHINES, find_firmware
from .qemu_network import GroupNetwork
from .qemu_process import QemuProcess

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from ..boards.deploy.direct import DirectKernel
    from ..deadline import Deadline
    from ..lab.device_model import Device
    from ..lab.device_sections import QemuMachine

_MIN_CARD_BYTES = 64 << 20
EXIT_PREFIX = "emulated board: "  # of the exit report on the console; a death string


class EmulatedBoard:
    """The handle of one board, which is a QEMU process while its power is on."""

    def __init__(self, lab: EmulatedLab, device: Device, index: int, directory: Path) -> None:
        assert device.connection.qemu is not None
        self.name = device.name
        self.root = ""
        self.address = lab.network.address(index)
        #: The SD card, to be written while the power is off.
        self.card = Path(device.deploy.path or directory / f"{device.name}.img")
        self._lab = lab
        self._index = index
        self._settings: QemuMachine = device.connection.qemu
        self._machine = MACHINES[self._settings.model]
        self.program = self._machine.program
        self.acceleration = choose(self._settings)
        self._directory = directory
        self._kernel: DirectKernel | None = None
        self._log = directory / f"{device.name}.log"
        self._lock = threading.Lock()
        self._qemu: QemuProcess | None = None
        # Like a serial adapter, the console exists also while the power is off.
        self._master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        self.console = Path(os.ttyname(self._slave))

    def power_on(self) -> None:
        """Switch the power on; return when QEMU runs, long before Linux. Raise `PowerError`."""
        with self._lock:
            if self._qemu is not None:
                return
            self._qemu = self._lab.start(self._start)

    def power_off(self) -> None:
        """Switch the power off; return when QEMU has ended."""
        with self._lock:
            if self._qemu is not None:
                self._qemu.kill()
                self._qemu = None

    def set_kernel(self, kernel: DirectKernel | None) -> None:
        """Start `kernel` at the next power-on; None: the boot loader, or the BIOS."""
        self._kernel = kernel

    @property
    def known_off(self) -> bool:
        """True if QEMU was switched off or never started."""
        return self._qemu is None

    def boot_slot(self, deadline: Deadline) -> AbstractContextManager[None]:
        """Return the context in which this board may boot."""
        return self._lab.slots.acquire(deadline)

    def setup_commands(self) -> Sequence[str]:
        """Return the shell commands that set host name and network after a boot."""
        modules, hosts = self._machine.group_modules, self._lab.hosts()
        return self._lab.network.setup_commands(self.name, self._index, hosts, modules)

    def close(self) -> None:
        """Switch the board off and close its console."""
        self.power_off()
        with self._lock:
            os.close(self._master)
            os.close(self._slave)

    def _start(self) -> QemuProcess:
        settings, machine = self._settings, self._machine
        try:
            _round_up_card(self.card)
            start = self._boot_arguments()
        except OSError as error:
            raise PowerError(
                f"{self.name}: writing the card {self.card} failed: {error.strerror}"
            ) from error
        self._discard_input()
        network = self._lab.network
        card = str(self.card.absolute()).replace(",", ",,")
        to_host, to_group = (
            [word.format(id=identity, mac=network.mac(self._index, number)) for word in nic]
            for number, (identity, nic) in enumerate(
                (("host", machine.host_nic), ("group", machine.group_nic))
            )
        )
        nics = [*to_group, *to_host] if machine.last_is_first else [*to_host, *to_group]
        arguments = [
            *machine.arguments,
            *self._processor(),
            *("-m", str(settings.memory or machine.memory)),
            *("-nodefaults", "-display", "none"),
            *("-add-fd", f"fd={self._master},set=1"),
            *("-chardev", "serial,id=console,path=/dev/fdset/1", "-serial", "chardev:console"),
            *start,
            *(word.format(card=card) for word in machine.card),
            *network.qemu_arguments(self._index),
            *nics,  # the first, as Linux and U-Boot count them, is the way to the host
            *settings.arguments,
        ]
        descriptors = (self._master,)
        return QemuProcess(
            self.name, machine.program, arguments, descriptors, self._log, self._report_exit
        )

    def _processor(self) -> list[str]:
        if self.acceleration.name == "kvm":
            return ["-accel", "kvm", "-cpu", "host"]
        cpu = EMULATED_CPU.get(self._settings.arch)
        return ["-cpu", cpu] if cpu else []

    def _boot_arguments(self) -> list[str]:
        """Return the arguments for kernel or firmware, after writing their files."""
        machine, kernel = self._machine, self._kernel
        if kernel is not None:
            root = [f"root={machine.root_disk} rw"] if kernel.on_disk else []
            words = [f"console={machine.console}", *root, self._settings.bootargs]
            line = " ".join(words).strip()
            arguments = ["-kernel", str(kernel.kernel.absolute()), "-append", line]
            for option, content in (("initrd", kernel.ramdisk), ("dtb", kernel.dtb)):
                if content is not None:
                    path = self._directory / f"{self.name}.{option}"
                    path.write_bytes(content)
                    arguments += [f"-{option}", str(path.absolute())]
            return arguments
        if not machine.u_boot:
            return []
        loader = find_firmware(self._settings.machine, self._settings.firmware)
        if machine.firmware_offset is None:
            return ["-bios", str(loader)]
        _write_firmware(self.card, machine.firmware_offset, loader)
        return []

    def _discard_input(self) -> None:
        """Discard input from while the power was off: it would stop the countdown of U-Boot."""
        os.set_blocking(self._master, False)
        with suppress(BlockingIOError):
            while os.read(self._master, 65536):
                pass

    def _report_exit(self, reason: str) -> None:
        """Report the exit of QEMU on the console, where the death strings are watched."""
        with self._lock, suppress(OSError):
            if self._qemu is None:  # switched off or closed in the meantime
                return
            os.write(self._master, f"\r\n{EXIT_PREFIX}{reason}\r\n".encode())


class EmulatedLab:
    """All emulated boards of one job, with the network between them.

    `directory` is for scratch files; the caller removes it.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._boards: dict[str, EmulatedBoard] = {}
        self.network = GroupNetwork()
        self.slots = BootSlots(processors())
        # QEMU ends with the thread that starts it; the worker of this pool lasts until `close`.
        self._starter = ThreadPoolExecutor(1, thread_name_prefix="emulated boards")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def add(self, device: Device) -> EmulatedBoard:
        """Add the board that `device` describes, with its power off.

        Add all boards before the first power-on.
        """
        board = EmulatedBoard(self, device, len(self._boards), self._directory)
        self._boards[device.name] = board
        return board

    def hosts(self) -> dict[str, str]:
        """Return the addresses of all boards in the network of the group, by name."""
        return {board.name: board.address for board in self._boards.values()}

    def close(self) -> None:
        """Switch all boards off and close the network."""
        for board in self._boards.values():
            board.close()
        self._starter.shutdown()
        self.network.close()

    def start(self, starter: Callable[[], QemuProcess]) -> QemuProcess:
        """Run `starter` in the thread that lasts until `close`; return its result."""
        return self._starter.submit(starter).result()


def _round_up_card(card: Path) -> None:
    """Round the size of the card up to a power of two, as QEMU requires; create a new one."""
    if card.is_block_device():
        return
    with card.open("ab") as file:
        size = max(file.tell(), _MIN_CARD_BYTES)
        file.truncate(1 << (size - 1).bit_length())


def _write_firmware(card: Path, at: int, loader: Path) -> None:
    """Write the boot loader where the boot ROM reads it, before the first partition."""
    with card.open("r+b") as file:
        file.seek(at)
        file.write(loader.read_bytes())
