"""Make the test image: MBR, a FAT with what U-Boot loads, an ext4 root with BusyBox.

The same packages and the same recipe give the same bytes.
"""

from __future__ import annotations

import gzip
import lzma
import re
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from ...errors import InfrastructureError
from ...images import cpio, mbr, uimage
from ...images.fat_make import Geometry, make_fat16
from ..ext_make import make_ext4
from .kernel_modules import Modules

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..debian import Packages

    Entry = tuple[str, int, bytes]

MIB = 1 << 20
FAT = Geometry(8, 10000)  # 39 MiB
BOOT = mbr.Partition(1, MIB, FAT.size, mbr.FAT16, bootable=True)
ROOT = mbr.Partition(2, 41 * MIB, 80 * MIB, mbr.LINUX)
SIZE = 128 * MIB  # an SD card's size is a power of two
#: RAM starts at 1 GiB on the machines that boot it. Debian's kernel, which is also for
#: Amlogic's boards, has to lie this far behind that; anywhere else it dies without a word.
LOAD = 0x4000_0000 + 0x20_8000
KERNEL, BUSYBOX = "linux-image-armmp", "busybox-static"
DEVICE_TREE = "sun8i-h3-orangepi-pc.dtb"
_FILE_SYSTEMS = ("crc32c_generic", "ext4")
#: What each machine (as its device tree calls it) needs before it has a root, and for its
#: network. No more: each costs an emulated processor time.
MACHINES = {
    "linux,dummy-virt": ("virtio_mmio", "virtio_blk", "virtio_net", *_FILE_SYSTEMS),
    "allwinner,sun8i-h3": ("sunxi_mmc", "dwmac_sun8i", *_FILE_SYSTEMS),
}
#: For later, at `modprobe`: other cards, and the network on USB.
FURTHER = (
    *("vfat", "nls_cp437", "nls_iso8859_1", "nls_ascii"),
    *("phy_sun4i_usb", "ohci_platform", "cdc_ether"),
)
_IN_INITIAL_ROOT = (
    "findfs", "insmod", "mount", "sh", "switch_root", "tr", "umount", "usleep",
)  # fmt: skip
_DIRECTORIES = (
    "bin", "dev", "etc", "lib", "lib/modules", "mnt", "opt", "proc", "root", "run", "sys", "tmp",
    "usr", "usr/lib", "usr/local", "usr/local/bin", "usr/share", "var",
    "var/log", "var/tmp",
)  # fmt: skip
_LINKS = {"sbin": "bin", "usr/bin": "../bin", "usr/sbin": "../bin"}


def build(target: Path, packages: Packages) -> list[str]:
    """Write the image to the file `target`; return the packages that it is made of.

    Raise `InfrastructureError` for what cannot be fetched or is not as expected.
    """
    kernel, busybox = packages.unpacked(KERNEL), packages.unpacked(BUSYBOX)
    with TemporaryDirectory(prefix="lava-image-", dir=target.parent) as scratch:
        root = Path(scratch, "root.ext4")
        modules = Modules(kernel)
        program = (busybox / "bin" / "busybox").read_bytes()
        make_ext4(root, ROOT.size, "rootfs", root_files(program, modules))
        boot = make_fat16(boot_files(kernel, program, modules), "boot",
                          BOOT.start // mbr.SECTOR, FAT)  # fmt: skip
        with target.open("w+b") as disk:
            disk.truncate(SIZE)
            for start, content in ((BOOT.start, boot), (ROOT.start, root.read_bytes())):
                _write_sparse(disk.fileno(), start, content)
            mbr.write(disk, (BOOT, ROOT))
    return [package.name for package in (kernel, busybox)]


def boot_files(kernel: Path, busybox: bytes, modules: Modules) -> dict[str, bytes]:
    """Return what is in the boot partition, by name."""
    zimage = next((kernel / "boot").glob("vmlinuz-*")).read_bytes()
    script = _own("boot.txt")
    return {
        # Unpacked here once, and not by an emulated processor at each boot.
        "uImage": uimage.make(_unpacked(zimage), "Linux-Debian", uimage.KERNEL, LOAD, LOAD),
        "uInitrd": uimage.make(initial_root(busybox, modules), "initrd", uimage.RAMDISK),
        "zImage": zimage,
        DEVICE_TREE: next((kernel / "usr" / "lib").rglob(DEVICE_TREE)).read_bytes(),
        "boot.txt": script,
        # A script's data is a list of sizes, ended by 0, before the text.
        "boot.scr": uimage.make(
            len(script).to_bytes(4, "big") + bytes(4) + script, "boot.scr", uimage.SCRIPT
        ),
    }


def initial_root(busybox: bytes, modules: Modules) -> bytes:
    """Return the archive that the kernel unpacks as its first root."""
    entries = [(name, cpio.DIRECTORY, b"") for name in ("bin", "proc", "sys", "dev", "root")]
    entries += [("bin/busybox", cpio.PROGRAM, busybox), ("init", cpio.PROGRAM, _own("init"))]
    entries += [(f"bin/{name}", cpio.LINK, b"busybox") for name in _IN_INITIAL_ROOT]
    entries.append(("modules", cpio.DIRECTORY, b""))
    needed: dict[str, Path] = {}
    for machine, wanted in MACHINES.items():
        order = modules.in_order(wanted)
        needed.update((path.name, path) for path in order)
        text = "".join(f"{path.name}\n" for path in order)
        entries.append((f"modules/{machine}", cpio.FILE, text.encode()))
    entries += [(f"modules/{name}", cpio.FILE, path.read_bytes()) for name, path in needed.items()]
    return gzip.compress(cpio.make_archive(entries), 9, mtime=0)


def root_files(busybox: bytes, modules: Modules) -> Iterator[Entry]:
    """Yield the root's files: path, mode, content."""
    modes = {"tmp": 0o41777, "var/tmp": 0o41777, "root": 0o40700}
    for name in _DIRECTORIES:
        yield name, modes.get(name, cpio.DIRECTORY), b""
    for name, aim in _LINKS.items():
        yield name, cpio.LINK, aim.encode()
    yield "bin/busybox", cpio.PROGRAM, busybox
    for name in applets(busybox):
        yield f"bin/{name}", cpio.LINK, b"busybox"
    for entry in sorted(files(__package__).joinpath("files", "etc").iterdir(), key=str):
        content = entry.read_bytes()
        mode = cpio.PROGRAM if content.startswith(b"#!") else cpio.FILE
        yield f"etc/{entry.name}", mode, content
    directory = f"lib/modules/{modules.version}"
    yield directory, cpio.DIRECTORY, b""
    further = modules.in_order(FURTHER)
    yield f"{directory}/modules.dep", cpio.FILE, modules.table(further).encode()
    for path in further:
        yield f"{directory}/{path.name}", cpio.FILE, path.read_bytes()


def applets(busybox: bytes) -> list[str]:
    """Return the names of the programs that a BusyBox is: it cannot be run here to tell."""
    start = busybox.find(b"\0[\0[[\0") + 1
    names = busybox[start : busybox.index(b"\0\0", start)].decode("ascii").split("\0")
    if not start or "sh" not in names:
        raise InfrastructureError("this BusyBox has its programs' names in an unknown place")
    return [name for name in names if name != "busybox"]


def _unpacked(zimage: bytes) -> bytes:
    """Return the kernel inside a zImage."""
    for found in re.finditer(rb"\xfd7zXZ\0", zimage):  # the code that unpacks has the word too
        try:
            return lzma.LZMADecompressor(lzma.FORMAT_XZ).decompress(zimage[found.start() :])
        except lzma.LZMAError:
            continue
    raise InfrastructureError("the kernel is not packed with XZ")


def _own(name: str) -> bytes:
    return files(__package__).joinpath("files", name).read_bytes()


def _write_sparse(descriptor: int, start: int, content: bytes) -> None:
    """Write `content` where it is not zero: the rest stays a hole."""
    import os

    view = memoryview(content)
    for at in range(0, len(view), MIB // 16):
        piece = view[at : at + MIB // 16]
        if any(piece):
            os.pwrite(descriptor, piece, start + at)
