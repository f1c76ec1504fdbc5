"""The section `deploy` of device files, and the sections in it."""

from dataclasses import dataclass
from typing import Literal

from .device_keys import key

_ADDRESS = {"minLength": 1, "pattern": r"^([0-9a-fA-FxX]+|\$\{[A-Za-z0-9_]+\})$"}


@dataclass(frozen=True)
class Master:
    """Deploy method `master`: the image that deploys another onto the same board."""

    commands: tuple[str, ...] = key(
        (),
        "lines typed at the boot loader's prompt that boot the master image",
        "none: it boots if the boot loader is not interrupted",
    )
    testboot: str | None = key(
        None, "device of the boot partition on the board: `/dev/mmcblk0p3`", "found by its label"
    )
    testrootfs: str | None = key(
        None, "device of the root partition on the board", "found by its label"
    )


@dataclass(frozen=True)
class LoadAddresses:
    """Where the boot loader loads the files of a kernel of one kind."""

    kernel: str | None = key(None, "load address of the kernel", "`tftp.kernel`", **_ADDRESS)
    ramdisk: str | None = key(None, "load address of the ramdisk", "`tftp.ramdisk`", **_ADDRESS)
    dtb: str | None = key(None, "load address of the device tree", "`tftp.dtb`", **_ADDRESS)


@dataclass(frozen=True)
class Tftp:
    """Deploy method `tftp`: how the boot loader fetches, and from where."""

    setup: tuple[str, ...] = key(
        ("setenv autoload no", "dhcp"),
        "lines typed at the boot loader's prompt that bring its network up",
        "`setenv autoload no`, `dhcp`; the device type's",
    )
    kernel: str | None = key(
        None,
        "load address of the kernel, in the boot loader's syntax: `0x82000000`, "
        "`${kernel_addr_r}`",
        "the device type's",
        **_ADDRESS,
    )
    ramdisk: str | None = key(None, "load address of the ramdisk", "the device type's", **_ADDRESS)
    dtb: str | None = key(None, "load address of the device tree", "the device type's", **_ADDRESS)
    bootm: LoadAddresses = key(LoadAddresses(), "for a uImage or a FIT image")
    bootz: LoadAddresses = key(LoadAddresses(), "for a zImage")
    booti: LoadAddresses = key(LoadAddresses(), "for an Image (arm64, RISC-V)")
    append_dtb: bool = key(
        False, "`true`: the device tree follows the kernel in its file, for boards without `fdt`"
    )
    execute_in_place: bool = key(
        False, "`true`: a uImage that is made for `bootm` starts where it is loaded"
    )
    ramdisk_header: Literal["arm", "arm64", "mips", "none", "ppc", "riscv", "x86", "x86_64"] = key(
        "arm",
        "architecture in U-Boot's header of the ramdisk; `none`: no header, as GRUB and barebox "
        "need it",
    )
    bootargs: str = key("", "command line of the kernel", "the device type's")
    commands: tuple[str, ...] = key(
        (),
        "lines typed at the boot loader's prompt, the last of which boots, in place of `setup`, "
        "`bootargs` and the lines that the dispatcher makes; with "
        "[the words of LAVA's device dictionaries](lava-device-dictionaries.md)",
        "made from the other keys",
    )
    host: str | None = key(None, "the server's address in the board's network", "`dispatcher_ip`")
    port: int = key(
        69,
        "the server's port; others than 69 need a U-Boot that supports `tftpdstp`",
        minimum=1,
        maximum=65535,
    )
    directory: str | None = key(
        None,
        "directory of an existing TFTP server; the dispatcher puts the files there and "
        "removes them at the end",
        "none: the dispatcher serves the files",
    )


@dataclass(frozen=True)
class Deploy:
    """The way in which an image gets onto the board."""

    method: Literal["media", "master", "tftp", "none"] | None = key(
        None,
        "`media`: the dispatcher writes the image to `path` while the board is off; "
        "`master`: the board boots its master image, which fetches the image's partitions "
        "over HTTP; "
        "`tftp`: the boot loader fetches kernel, ramdisk and device tree "
        "(`deploy_linaro_kernel`); "
        "`none`: the image is on the board already",
        "not configured: a job that deploys fails",
    )
    path: str | None = key(
        None, "block device of the SD card while it is connected to the dispatcher, or a file"
    )
    to_host: str | None = key(None, "shell command that connects the card to the dispatcher")
    to_board: str | None = key(None, "shell command that connects the card to the board")
    layout: Literal["image", "master"] = key(
        "master",
        "`image`: the image unchanged; `master`: the card layout of 2013, with the image's "
        "partitions 1 and 2 as `testboot` (3) and `testrootfs` (5), and its `MLO`, "
        "`u-boot.img` and `u-boot.bin` on partition 1 (8 MiB, active if it has `MLO`); a "
        "warning names the files that are missing",
    )
    root_partition: int | None = key(
        None,
        "layout `image`: number of the partition that gets the overlay, if it holds ext2, "
        "ext3 or ext4",
        "the one that a GPT's type names as root; otherwise the first with the directories of "
        "a root: partition 2, then by size",
        minimum=1,
        maximum=1024,
    )
    master: Master = key(Master(), "method `master`")
    tftp: Tftp = key(Tftp(), "method `tftp`")
