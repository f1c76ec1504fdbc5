"""Make the images of examples/images: tiny, valid and reproducible.

    python -m lava_dispatcher_multinode.images.example_images examples/images

Their kernel is a placeholder, which only simulated boards boot.
"""

from __future__ import annotations

import gzip
import io
import sys
from pathlib import Path

from ..errors import DeployError
from . import ext, mbr, partitions, uimage
from .fat import FatVolume
from .fat_make import SMALL, make_fat16

MIB = 1 << 20
KERNEL_NAME = "Linux-3.9-simulated"  # in the header of a placeholder
_LOAD_ADDRESS = 0x8000_8000
BOOT = mbr.Partition(1, MIB, SMALL.size, mbr.FAT16, bootable=True)
ROOT = mbr.Partition(2, -(-(MIB + SMALL.size) // MIB) * MIB, MIB, mbr.LINUX)
#: The boards for which `main` writes images.
BOARDS = ("panda", "beaglexm")
#: Where the example's script loads the kernel: memory of every simulated board.
KERNEL_ADDRESS = 0x80200000
#: An empty initial ramdisk: the last entry of a cpio archive.
_EMPTY_CPIO = (b"070701" + b"0" * 88 + b"0000000b" + b"0" * 8 + b"TRAILER!!!\0").ljust(124, b"\0")
_BOOTARGS = "console=tty0 console=ttyO2,115200n8 root=/dev/mmcblk0p2 rootwait ro earlyprintk"


def example_image(device_type: str) -> bytes:
    """Return a disk image for "panda" or "beaglexm": boot partition 1, root partition 2."""
    disk = bytearray(ROOT.start + ROOT.size)
    files = boot_files(device_type)
    boot = make_fat16(files, "boot", BOOT.start // mbr.SECTOR)
    disk[BOOT.start : BOOT.start + BOOT.size] = boot
    disk[ROOT.start : ROOT.start + ROOT.size] = ext.make_ext2("rootfs")
    with io.BytesIO(disk) as file:
        mbr.write(file, (BOOT, ROOT))
        return file.getvalue()


def boot_files(device_type: str) -> dict[str, bytes]:
    """Return the files of the boot partition by name."""
    kernel = uimage.make_zimage(f"a kernel for the simulated {device_type}\n".encode() * 64)
    ramdisk = _EMPTY_CPIO
    commands = (
        f"fatload mmc 0:1 {KERNEL_ADDRESS:#x} uImage; fatload mmc 0:1 0x81600000 uInitrd; "
        f"bootm {KERNEL_ADDRESS:#x} 0x81600000"
    )
    script = f"setenv bootcmd '{commands}'\nsetenv bootargs '{_BOOTARGS}'\nboot\n"
    return {
        "uImage": uimage.make(kernel, KERNEL_NAME, uimage.KERNEL, _LOAD_ADDRESS, _LOAD_ADDRESS),
        "uInitrd": uimage.make(ramdisk, "initramfs", uimage.RAMDISK),
        "board.dtb": uimage.FDT_MAGIC + device_type.encode().ljust(60, b"\0"),
        "boot.txt": script.encode(),
    }


def is_placeholder(image: Path) -> bool:
    """Return True if the kernel in the boot partition of `image` is a placeholder."""
    try:
        with image.open("rb") as disk:
            boot = next(part for part in partitions.read(disk).partitions if part.number == 1)
            start = FatVolume(disk, boot.start, boot.size).read("uImage", uimage.HEADER)
            header = uimage.parse(start)
    except (DeployError, OSError, ValueError, StopIteration):
        return False  # the deployment reports what is wrong with the image
    return header is not None and header.name == KERNEL_NAME


def compressed(image: bytes) -> bytes:
    """Return `image` as a reproducible gzip, without time and name."""
    return gzip.compress(image, 9, mtime=0)


def main(arguments: list[str]) -> int:
    """Write all images into the directory given as the only argument."""
    if len(arguments) != 1:
        sys.stderr.write(
            "usage: python -m lava_dispatcher_multinode.images.example_images DIRECTORY\n"
        )
        return 2
    directory = Path(arguments[0])
    directory.mkdir(parents=True, exist_ok=True)
    for device_type in BOARDS:
        target = directory / f"{device_type}.img.gz"
        target.write_bytes(compressed(example_image(device_type)))
        sys.stdout.write(f"{target}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
