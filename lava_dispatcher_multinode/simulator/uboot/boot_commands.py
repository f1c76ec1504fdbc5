"""bootm and bootz: check the images in memory and start the kernel."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, NoReturn

from ...images import uimage
from .dialogue import CommandFailed

if TYPE_CHECKING:
    from .dialogue import SimulatedUBoot

_KINDS = {
    uimage.KERNEL: "ARM Linux Kernel Image (uncompressed)",
    uimage.RAMDISK: "ARM Linux RAMDisk Image (uncompressed)",
    uimage.MULTI: "ARM Linux Multi-File Image (uncompressed)",
    uimage.SCRIPT: "ARM Linux Script (uncompressed)",
}
_NO_KERNEL = "ERROR: can't get kernel image!\n"
_BAD_RAMDISK = "Ramdisk image is corrupt or invalid\n"


class KernelStart(Exception):
    """U-Boot hands over to a kernel with these arguments, with or without a ramdisk."""

    def __init__(self, arguments: str, ramdisk: bool) -> None:
        super().__init__(arguments)
        self.arguments = arguments
        self.ramdisk = ramdisk


def bootm(uboot: SimulatedUBoot, words: list[str]) -> int:
    """`bootm [kernel [ramdisk|- [device tree]]]`: start a uImage."""
    kernel, initrd, tree = _parse_addresses(uboot, words)
    uboot.serial.write_text(f"## Booting kernel from Legacy Image at {kernel:08x} ...\n")
    header, payload = _read_image(uboot, kernel)
    if header.kind not in {uimage.KERNEL, uimage.MULTI}:
        raise CommandFailed(f"Wrong Image Type for bootm command\n{_NO_KERNEL}")
    _check_ramdisk(uboot, initrd)
    _check_device_tree(uboot, tree)
    if header.load != kernel + uimage.HEADER:
        uboot.dram.write(header.load, payload)
    uboot.serial.write_text("   Loading Kernel Image ... OK\nOK\n")
    _start_kernel(uboot, initrd)


def bootz(uboot: SimulatedUBoot, words: list[str]) -> int:
    """`bootz [kernel [ramdisk|- [device tree]]]`: start a zImage."""
    kernel, initrd, tree = _parse_addresses(uboot, words)
    if not uimage.is_zimage(uboot.dram.read(kernel, uimage.HEADER)):
        raise CommandFailed("Bad Linux ARM zImage magic!\n")
    _check_ramdisk(uboot, initrd)
    _check_device_tree(uboot, tree)
    _start_kernel(uboot, initrd)


def _parse_addresses(
    uboot: SimulatedUBoot, words: list[str]
) -> tuple[int, int | None, int | None]:
    """Return the addresses of kernel, ramdisk and device tree; None for "-" or no word."""
    given = [*words[1:4]] or [uboot.value("loadaddr")]
    found: list[int | None] = []
    for word in given:
        # addr:size, as for a raw ramdisk
        try:
            found.append(None if word == "-" else int(word.partition(":")[0], 16))
        except ValueError:
            raise CommandFailed(_NO_KERNEL) from None
    kernel, ramdisk, tree = (*found, None, None)[:3]
    if kernel is None:
        raise CommandFailed(_NO_KERNEL)
    return kernel, ramdisk, tree


def _read_image(uboot: SimulatedUBoot, address: int) -> tuple[uimage.Header, bytes]:
    try:
        header = uimage.parse(uboot.dram.read(address, uimage.HEADER))
    except ValueError:
        raise CommandFailed("Bad Header Checksum\n" + _NO_KERNEL) from None
    if header is None:
        raise CommandFailed("Wrong Image Format for bootm command\n" + _NO_KERNEL)
    size = header.size
    uboot.serial.write_text(
        f"   Image Name:   {header.name}\n"
        f"   Image Type:   {_KINDS.get(header.kind, 'Unknown Image')}\n"
        f"   Data Size:    {size} Bytes = {_format_size(size)}\n"
        f"   Load Address: {header.load:08x}\n   Entry Point:  {header.entry:08x}\n"
        "   Verifying Checksum ... "
    )
    payload = uboot.dram.read(address + uimage.HEADER, size)
    if zlib.crc32(payload) != header.data_crc:
        raise CommandFailed("Bad Data CRC\n" + _NO_KERNEL)
    uboot.serial.write_text("OK\n")
    return header, payload


def _check_ramdisk(uboot: SimulatedUBoot, address: int | None) -> None:
    if address is None:
        return
    if uboot.dram.read(address, 4) != uimage.MAGIC.to_bytes(4, "big"):
        raise CommandFailed("Wrong Ramdisk Image Format\n" + _BAD_RAMDISK)
    uboot.serial.write_text(f"## Loading init Ramdisk from Legacy Image at {address:08x} ...\n")
    header, _ = _read_image(uboot, address)
    if header.kind != uimage.RAMDISK:
        raise CommandFailed("No Linux ARM Ramdisk Image\n" + _BAD_RAMDISK)


def _check_device_tree(uboot: SimulatedUBoot, address: int | None) -> None:
    if address is None:
        return
    if uboot.dram.read(address, 4) != uimage.FDT_MAGIC:
        raise CommandFailed(
            "ERROR: Did not find a cmdline Flattened Device Tree\n"
            "Could not find a valid device tree\n"
        )
    uboot.serial.write_text(
        f"## Flattened Device Tree blob at {address:08x}\n"
        f"   Booting using the fdt blob at 0x{address:08x}\n"
    )


def _start_kernel(uboot: SimulatedUBoot, ramdisk: int | None) -> NoReturn:
    uboot.check_interrupt()
    uboot.serial.write_text("\nStarting kernel ...\n\n")
    raise KernelStart(uboot.value("bootargs"), ramdisk is not None)


def _format_size(size: int) -> str:
    return f"{size / (1 << 20):.1f} MiB" if size >= 1 << 20 else f"{size / 1024:.1f} KiB"
