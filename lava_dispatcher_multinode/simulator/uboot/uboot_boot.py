"""bootm and bootz: look at what lies in memory, and start it if it is a kernel."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from ...images import uimage

if TYPE_CHECKING:
    from .dialogue import UBoot

_KINDS = {
    uimage.KERNEL: "ARM Linux Kernel Image (uncompressed)",
    uimage.RAMDISK: "ARM Linux RAMDisk Image (uncompressed)",
    uimage.MULTI: "ARM Linux Multi-File Image (uncompressed)",
    uimage.SCRIPT: "ARM Linux Script (uncompressed)",
}
_NO_KERNEL = "ERROR: can't get kernel image!\n"
_BAD_RAMDISK = "Ramdisk image is corrupt or invalid\n"


class KernelStart(Exception):
    """The board leaves U-Boot: its arguments for the kernel, and whether with a ramdisk."""

    def __init__(self, arguments: str, ramdisk: bool) -> None:
        super().__init__(arguments)
        self.arguments = arguments
        self.ramdisk = ramdisk


def bootm(board: UBoot, words: list[str]) -> int:
    """`bootm [kernel [ramdisk|- [device tree]]]`: start a uImage."""
    try:
        kernel, initrd, tree = _addresses(board, words)
        board.wire.text(f"## Booting kernel from Legacy Image at {kernel:08x} ...\n")
        header, payload = _image(board, kernel)
        if header.kind not in {uimage.KERNEL, uimage.MULTI}:
            raise _Refused(f"Wrong Image Type for bootm command\n{_NO_KERNEL}")
        ramdisk = _ramdisk(board, initrd)
        _device_tree(board, tree)
    except _Refused as refused:
        board.wire.text(str(refused))
        return 1
    if header.load != kernel + uimage.HEADER:
        board.dram.write(header.load, payload)
    board.wire.text("   Loading Kernel Image ... OK\nOK\n")
    return _start(board, ramdisk=ramdisk)


def bootz(board: UBoot, words: list[str]) -> int:
    """`bootz [kernel [ramdisk|- [device tree]]]`: start a zImage."""
    try:
        kernel, initrd, tree = _addresses(board, words)
        if not uimage.is_zimage(board.dram.read(kernel, uimage.HEADER)):
            raise _Refused("Bad Linux ARM zImage magic!\n")
        ramdisk = _ramdisk(board, initrd)
        _device_tree(board, tree)
    except _Refused as refused:
        board.wire.text(str(refused))
        return 1
    return _start(board, ramdisk=ramdisk)


class _Refused(Exception):
    pass


def _addresses(board: UBoot, words: list[str]) -> tuple[int, int | None, int | None]:
    """Return kernel, ramdisk and device tree; None for what is not given, or is "-"."""
    given = [*words[1:4]] or [board.value("loadaddr")]
    found: list[int | None] = []
    for word in given:
        # addr:size, as for a raw ramdisk
        try:
            found.append(None if word == "-" else int(word.partition(":")[0], 16))
        except ValueError:
            raise _Refused(_NO_KERNEL) from None
    kernel, ramdisk, tree = (*found, None, None)[:3]
    if kernel is None:
        raise _Refused(_NO_KERNEL)
    return kernel, ramdisk, tree


def _image(board: UBoot, address: int) -> tuple[uimage.Header, bytes]:
    try:
        header = uimage.parse(board.dram.read(address, uimage.HEADER))
    except ValueError:
        raise _Refused("Bad Header Checksum\n" + _NO_KERNEL) from None
    if header is None:
        raise _Refused("Wrong Image Format for bootm command\n" + _NO_KERNEL)
    size = header.size
    board.wire.text(
        f"   Image Name:   {header.name}\n"
        f"   Image Type:   {_KINDS.get(header.kind, 'Unknown Image')}\n"
        f"   Data Size:    {size} Bytes = {_amount(size)}\n"
        f"   Load Address: {header.load:08x}\n   Entry Point:  {header.entry:08x}\n"
        "   Verifying Checksum ... "
    )
    payload = board.dram.read(address + uimage.HEADER, size)
    if zlib.crc32(payload) != header.data_crc:
        raise _Refused("Bad Data CRC\n" + _NO_KERNEL)
    board.wire.text("OK\n")
    return header, payload


def _ramdisk(board: UBoot, address: int | None) -> bool:
    if address is None:
        return False
    if board.dram.read(address, 4) != uimage.MAGIC.to_bytes(4, "big"):
        raise _Refused("Wrong Ramdisk Image Format\n" + _BAD_RAMDISK)
    board.wire.text(f"## Loading init Ramdisk from Legacy Image at {address:08x} ...\n")
    header, _ = _image(board, address)
    if header.kind != uimage.RAMDISK:
        raise _Refused("No Linux ARM Ramdisk Image\n" + _BAD_RAMDISK)
    return True


def _device_tree(board: UBoot, address: int | None) -> None:
    if address is None:
        return
    if board.dram.read(address, 4) != uimage.FDT_MAGIC:
        raise _Refused(
            "ERROR: Did not find a cmdline Flattened Device Tree\n"
            "Could not find a valid device tree\n"
        )
    board.wire.text(
        f"## Flattened Device Tree blob at {address:08x}\n"
        f"   Booting using the fdt blob at 0x{address:08x}\n"
    )


def _start(board: UBoot, *, ramdisk: bool) -> int:
    board.check_interrupt()
    board.wire.text("\nStarting kernel ...\n\n")
    raise KernelStart(board.value("bootargs"), ramdisk)


def _amount(size: int) -> str:
    return f"{size / (1 << 20):.1f} MiB" if size >= 1 << 20 else f"{size / 1024:.1f} KiB"
