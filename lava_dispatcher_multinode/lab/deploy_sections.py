"""The section `deploy` of device files, and the sections in it."""

from dataclasses import dataclass, field
from typing import Annotated, Literal

from .device_keys import Key

_ADDRESS = {"minLength": 1, "pattern": r"^([0-9a-fA-FxX]+|\$\{[A-Za-z0-9_]+\})$"}


@dataclass(frozen=True)
class Master:
    """Deploy method `master`: the image that deploys another onto the same board."""

    commands: Annotated[
        tuple[str, ...],
        Key(
            "lines typed at the boot loader's prompt that boot the master image",
            "none: it boots if the boot loader is not interrupted",
        ),
    ] = ()
    testboot: Annotated[
        str | None,
        Key("device of the boot partition on the board: `/dev/mmcblk0p3`", "found by its label"),
    ] = None
    testrootfs: Annotated[
        str | None, Key("device of the root partition on the board", "found by its label")
    ] = None


@dataclass(frozen=True)
class Tftp:
    """Deploy method `tftp`: how the boot loader fetches, and from where."""

    setup: Annotated[
        tuple[str, ...],
        Key(
            "lines typed at the boot loader's prompt that bring its network up",
            "`setenv autoload no`, `dhcp`; the device type's",
        ),
    ] = ("setenv autoload no", "dhcp")
    kernel: Annotated[
        str | None,
        Key(
            "load address of the kernel, in the boot loader's syntax: `0x82000000`, "
            "`${kernel_addr_r}`",
            "the device type's",
            **_ADDRESS,
        ),
    ] = None
    ramdisk: Annotated[
        str | None, Key("load address of the ramdisk", "the device type's", **_ADDRESS)
    ] = None
    dtb: Annotated[
        str | None, Key("load address of the device tree", "the device type's", **_ADDRESS)
    ] = None
    bootargs: Annotated[str, Key("command line of the kernel", "the device type's")] = ""
    host: Annotated[
        str | None, Key("the server's address in the board's network", "`dispatcher_ip`")
    ] = None
    port: Annotated[
        int,
        Key(
            "the server's port; others than 69 need a U-Boot that supports `tftpdstp`",
            minimum=1,
            maximum=65535,
        ),
    ] = 69
    directory: Annotated[
        str | None,
        Key(
            "directory of an existing TFTP server; the dispatcher puts the files there and "
            "removes them at the end",
            "none: the dispatcher serves the files",
        ),
    ] = None


@dataclass(frozen=True)
class Deploy:
    """How an image gets onto the board."""

    method: Annotated[
        Literal["media", "master", "tftp", "none"] | None,
        Key(
            "`media`: the dispatcher writes the image to `path` while the board is off; "
            "`master`: the board boots its master image, which fetches the image's partitions "
            "over HTTP; "
            "`tftp`: the boot loader fetches kernel, ramdisk and device tree "
            "(`deploy_linaro_kernel`); "
            "`none`: the image is on the board already",
            "not configured: a job that deploys fails",
        ),
    ] = None
    path: Annotated[
        str | None,
        Key("block device of the SD card while it is connected to the dispatcher, or a file"),
    ] = None
    to_host: Annotated[
        str | None, Key("shell command that connects the card to the dispatcher")
    ] = None
    to_board: Annotated[str | None, Key("shell command that connects the card to the board")] = (
        None
    )
    layout: Annotated[
        Literal["image", "master"],
        Key(
            "`image`: the image unchanged; `master`: the card layout of 2013, with the image's "
            "partitions 1 and 2 as `testboot` (3) and `testrootfs` (5), and its `MLO`, "
            "`u-boot.img` and `u-boot.bin` on partition 1 (8 MiB, active if it has `MLO`); a "
            "warning names the files that are missing"
        ),
    ] = "master"
    root_partition: Annotated[
        int,
        Key(
            "layout `image`: number of the partition that gets the overlay, if it holds ext2, "
            "ext3 or ext4",
            minimum=1,
            maximum=64,
        ),
    ] = 2
    master: Annotated[Master, Key("method `master`")] = field(default_factory=Master)
    tftp: Annotated[Tftp, Key("method `tftp`")] = field(default_factory=Tftp)
