"""The simulated kernel: its log on the console, and its search for a root file system."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, NoReturn

from . import sd_card
from .faults import Crash

if TYPE_CHECKING:
    from pathlib import Path

    from ..lab.device_sections import SimulatedFirmware
    from .serial_line import SerialLine
    from .uboot.boot_commands import KernelStart

VERSION = "3.9.0-1-linaro-omap"
_DEVICE = re.compile(r"/dev/mmcblk0p([1-9][0-9]?)")


class Kernel:
    """One run of Linux on a board; `start` has the arguments from U-Boot."""

    def __init__(
        self, serial: SerialLine, firmware: SimulatedFirmware, card: Path, start: KernelStart
    ) -> None:
        self.serial, self.firmware, self.card = serial, firmware, card
        self.arguments = start.arguments
        self._ramdisk = start.ramdisk
        self._options = start.arguments.split()
        #: Whether the kernel has a console on the serial port.
        self.console = any(
            option.partition("=")[2].split(",")[0] == firmware.serial_port
            for option in self._options
            if option.startswith("console=")
        )
        self._began = time.monotonic()

    def boot(self) -> None:
        """Print the log up to the start of init; raise `Crash` where Linux would panic."""
        self.serial.write_text("Uncompressing Linux... done, booting the kernel.\n")
        self._began = time.monotonic()
        if self.console:
            self.serial.kernel_since = self._began
        for line in self._first_lines():
            self.log(line, info=True)
        self.serial.faults.checkpoint("kernel")
        self.serial.sleep(self.serial.faults.boot_delay)
        for line in self._device_lines():
            self.log(line, info=True)
        self._mount_root()

    def log(self, line: str, *, info: bool = False) -> None:
        """Print a line of the log; the kernel argument "quiet" suppresses `info` lines."""
        if self.console and not (info and "quiet" in self._options):
            self.serial.write_text(f"[{time.monotonic() - self._began:12.6f}] {line}\n")

    def panic(self, reason: str) -> NoReturn:
        """Print the panic; then hang, or raise `Restart` after the seconds of panic=."""
        self.log(f"Kernel panic - not syncing: {reason}")
        self.log("[<c001b0b8>] (unwind_backtrace+0x0/0xf8) from [<c04f2a30>] (panic+0x8c/0x1d8)")
        restart = self._option("panic")
        if restart.isdecimal() and int(restart):
            self.log(f"Rebooting in {restart} seconds..")
            self.serial.sleep(int(restart))
            raise Restart
        self.serial.wait_for_power_cut()

    def _option(self, name: str) -> str:
        """Return the last value of a kernel argument, "" without one."""
        values = [o.partition("=")[2] for o in self._options if o.startswith(name + "=")]
        return values[-1] if values else ""

    def _first_lines(self) -> list[str]:
        return [
            "Booting Linux on physical CPU 0x0",
            f"Linux version {VERSION} (simulated) #1 SMP Thu Jun 13 09:00:00 UTC 2013",
            "CPU: ARMv7 Processor [411fc092] revision 2 (ARMv7), cr=10c53c7d",
            f"Machine: {self.firmware.machine}",
            f"Kernel command line: {self.arguments}",
            self.firmware.memory_line,
        ]

    def _device_lines(self) -> list[str]:
        numbers = " ".join(
            f"p{p.number} <" if p.extended else f"p{p.number}"
            for p in sd_card.partitions(self.card)
        )
        closing = " >" if "<" in numbers else ""
        return [
            "Serial: 8250/16550 driver, 4 ports, IRQ sharing enabled",
            f"{self.firmware.serial_port} at MMIO 0x48020000 (irq = 106) is a UART",
            "mmcblk0: mmc0:0001 SU04G 3.69 GiB",
            f" mmcblk0: {numbers}{closing}",
        ]

    def _mount_root(self) -> None:
        root = self._option("root")
        place = self._find(root)
        if place is None and self._ramdisk and root != "/dev/ram0":
            self.serial.write_text(
                "Gave up waiting for root device.  Common problems:\n"
                " - Boot args (cat /proc/cmdline)\n"
                f"ALERT!  {root or '(no root= given)'} does not exist.  "
                "Dropping to a shell!\n"
                if self.console
                else ""
            )
            raise Crash("Attempted to kill init! exitcode=0x00000100")
        if place is None:
            self._no_root(root)
        self.log(
            f"{'RAMDISK' if root == '/dev/ram0' else 'EXT4-fs'} "
            f"({place}): mounted filesystem with ordered data mode. Opts: (null)",
            info=True,
        )
        self.log("Freeing init memory: 352K", info=True)

    def _find(self, root: str) -> str | None:
        """Return the device that `root=` means; None if the board does not have it."""
        if root == "/dev/ram0":
            return "ram0" if self._ramdisk else None
        if match := _DEVICE.fullmatch(root):
            part = sd_card.partition(self.card, int(match[1]))
            known = part is not None and sd_card.ext_names(self.card, part) is not None
            return root.removeprefix("/dev/") if known else None
        kind, _, wanted = root.partition("=")
        if kind not in {"LABEL", "UUID"} or not self._ramdisk:
            return None  # only an initial ramdisk resolves these
        for part in sd_card.partitions(self.card):
            names = None if part.extended else sd_card.ext_names(self.card, part)
            if names and wanted == names[kind == "UUID"]:
                return f"mmcblk0p{part.number}"
        return None

    def _no_root(self, root: str) -> NoReturn:
        match = _DEVICE.fullmatch(root)
        block = f"unknown-block({'179,' + match[1] if match else '0,0'})"
        name = root.removeprefix("/dev/")
        self.log(f'VFS: Cannot open root device "{name}" or {block}: error -6')
        self.log('Please append a correct "root=" boot option; here are the available partitions:')
        for part in sd_card.partitions(self.card):
            self.log(f"  b3{part.number:02x} {part.size // 1024:11d} mmcblk0p{part.number}")
        raise Crash(f"VFS: Unable to mount root fs on {block}")


class Restart(Exception):
    """The kernel restarts the board."""
