"""Building the test image: MBR, a FAT with kernel and ramdisk, an ext4 root with BusyBox.

The build is reproducible: the same packages and recipe give the same bytes.
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
from .kernel_modules import KernelModules, module_name, read_module

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from ..debian import DebianPackages

    FileEntry = tuple[str, int, bytes]  # path, mode, content

MIB = 1 << 20
FAT = Geometry(8, 10000)  # 39 MiB
BOOT = mbr.Partition(1, MIB, FAT.size, mbr.FAT16, bootable=True)
ROOT = mbr.Partition(2, 41 * MIB, 80 * MIB, mbr.LINUX)
CARD_BYTES = 128 * MIB  # an SD card's size is a power of two
#: RAM starts at 1 GiB. Debian's kernel, which also supports Amlogic, must be loaded at this
#: distance from it; anywhere else it hangs without output.
LOAD_ADDRESS = 0x4000_0000 + 0x20_8000
KERNEL, BUSYBOX = "linux-image-armmp", "busybox-static"
DEVICE_TREE = "sun8i-h3-orangepi-pc.dtb"
_FILE_SYSTEMS = ("crc32c_generic", "ext4")
#: Modules for the root and the network, by machine (its name in the device tree). Only these,
#: as loading takes an emulated processor long.
INITIAL_MODULES = {
    "linux,dummy-virt": ("virtio_mmio", "virtio_blk", "virtio_net", *_FILE_SYSTEMS),
    "allwinner,sun8i-h3": ("sunxi_mmc", "dwmac_sun8i", *_FILE_SYSTEMS),
}
#: Modules for `modprobe`: other file systems, and the network on USB.
ROOT_MODULES = (
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


def build_image(target: Path, packages: DebianPackages) -> list[str]:
    """Write the image to the file `target`; return the names of its packages.

    Raise `InfrastructureError` if a package cannot be fetched or has unexpected content.
    """
    kernel, busybox = packages.unpack(KERNEL), packages.unpack(BUSYBOX)
    with TemporaryDirectory(prefix="lava-image-", dir=target.parent) as scratch:
        root = Path(scratch, "root.ext4")
        modules = KernelModules(kernel)
        program = read_busybox(busybox)
        make_ext4(root, ROOT.size, "rootfs", root_files(program, modules, ROOT_MODULES))
        boot = make_fat16(boot_files(kernel, program, modules), "boot",
                          BOOT.start // mbr.SECTOR, FAT)  # fmt: skip
        with target.open("w+b") as disk:
            disk.truncate(CARD_BYTES)
            for start, content in ((BOOT.start, boot), (ROOT.start, root.read_bytes())):
                _write_sparse(disk.fileno(), start, content)
            mbr.write(disk, (BOOT, ROOT))
    return [package.name for package in (kernel, busybox)]


def boot_files(kernel: Path, busybox: bytes, modules: KernelModules) -> dict[str, bytes]:
    """Return the files of the boot partition by name."""
    zimage = next((kernel / "boot").glob("vmlinuz-*")).read_bytes()
    script = read_own("boot.txt")
    return {
        # Unpacked here, as an emulated processor would need long at each boot.
        "uImage": uimage.make(
            _unpack_kernel(zimage), "Linux-Debian", uimage.KERNEL, LOAD_ADDRESS, LOAD_ADDRESS
        ),
        "uInitrd": uimage.make(initial_root(busybox, modules), "initrd", uimage.RAMDISK),
        "zImage": zimage,
        DEVICE_TREE: next((kernel / "usr" / "lib").rglob(DEVICE_TREE)).read_bytes(),
        "boot.txt": script,
        # The data of a script is a list of sizes, ended by 0, and the text.
        "boot.scr": uimage.make(
            len(script).to_bytes(4, "big") + bytes(4) + script, "boot.scr", uimage.SCRIPT
        ),
    }


def initial_root(
    busybox: bytes,
    modules: KernelModules,
    machines: Mapping[str, Iterable[str]] = INITIAL_MODULES,
) -> bytes:
    """Return the initial ramdisk, with the modules of `machines`: a gzip of a cpio archive."""
    entries = [(name, cpio.DIRECTORY, b"") for name in ("bin", "proc", "sys", "dev", "root")]
    entries += [("bin/busybox", cpio.PROGRAM, busybox), ("init", cpio.PROGRAM, read_own("init"))]
    entries += [(f"bin/{name}", cpio.LINK, b"busybox") for name in _IN_INITIAL_ROOT]
    entries += initial_modules(modules, machines)
    return gzip.compress(cpio.make_archive(entries), 9, mtime=0)


def initial_modules(
    modules: KernelModules, wanted: Mapping[str, Iterable[str]]
) -> Iterator[FileEntry]:
    """Yield the modules that `init` loads, with their order for each machine of `wanted`."""
    yield "modules", cpio.DIRECTORY, b""
    needed: dict[str, Path] = {}
    for machine, names in wanted.items():
        order = modules.resolve(names)
        needed.update((module_name(path), path) for path in order)
        text = "".join(f"{module_name(path)}\n" for path in order)
        yield f"modules/{machine}", cpio.FILE, text.encode()
    for name, path in needed.items():
        yield f"modules/{name}", cpio.FILE, read_module(path)


def root_files(
    busybox: bytes, modules: KernelModules, wanted: Iterable[str]
) -> Iterator[FileEntry]:
    """Yield the files of the root file system, with `modprobe` for the modules `wanted`."""
    modes = {"tmp": 0o41777, "var/tmp": 0o41777, "root": 0o40700}
    for name in _DIRECTORIES:
        yield name, modes.get(name, cpio.DIRECTORY), b""
    for name, target in _LINKS.items():
        yield name, cpio.LINK, target.encode()
    yield "bin/busybox", cpio.PROGRAM, busybox
    for name in find_applets(busybox):
        yield f"bin/{name}", cpio.LINK, b"busybox"
    for entry in sorted(files(__package__).joinpath("files", "etc").iterdir(), key=str):
        content = entry.read_bytes()
        mode = cpio.PROGRAM if content.startswith(b"#!") else cpio.FILE
        yield f"etc/{entry.name}", mode, content
    directory = f"lib/modules/{modules.version}"
    yield directory, cpio.DIRECTORY, b""
    root_modules = modules.resolve(wanted)
    yield f"{directory}/modules.dep", cpio.FILE, modules.make_table(root_modules).encode()
    for path in root_modules:
        yield f"{directory}/{module_name(path)}", cpio.FILE, read_module(path)


def read_busybox(package: Path) -> bytes:
    """Return the program of an unpacked busybox-static: in /bin up to Debian 12, then /usr/bin."""
    return next(package.glob("**/bin/busybox")).read_bytes()


def find_applets(busybox: bytes) -> list[str]:
    """Return the names of the applets in a BusyBox binary, which cannot be run on this host."""
    start = busybox.find(b"[\0[[\0")
    names = busybox[start : busybox.find(b"\0\0", start)].decode("ascii", "replace").split("\0")
    if start < 0 or "sh" not in names:
        raise InfrastructureError("no list of applets found in the BusyBox binary")
    return [name for name in names if name != "busybox"]


def _unpack_kernel(zimage: bytes) -> bytes:
    """Return the kernel inside a zImage."""
    for found in re.finditer(rb"\xfd7zXZ\0", zimage):  # the unpacking code contains the magic too
        try:
            return lzma.LZMADecompressor(lzma.FORMAT_XZ).decompress(zimage[found.start() :])
        except lzma.LZMAError:
            continue
    raise InfrastructureError("the kernel is not compressed with XZ")


def read_own(name: str) -> bytes:
    """Return a file of this package's directory `files`."""
    return files(__package__).joinpath("files", name).read_bytes()


def _write_sparse(descriptor: int, start: int, content: bytes) -> None:
    """Write `content`, with holes for zeros."""
    import os

    view = memoryview(content)
    for at in range(0, len(view), MIB // 16):
        piece = view[at : at + MIB // 16]
        if any(piece):
            os.pwrite(descriptor, piece, start + at)
