"""PandaBoard (OMAP4): what it boots with unless its device file says otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from .deploy.tftp_boot import HIGH
from .uboot_board import UBootBoard

if TYPE_CHECKING:
    from collections.abc import Mapping

# As in 2013, but for `&&`: after a load that failed, memory holds the kernel of an earlier boot.
BOOT_COMMAND = (
    "fatload mmc 0:3 0x80200000 uImage && fatload mmc 0:3 0x81600000 uInitrd && "
    "bootm 0x80200000 0x81600000"
)
BOOT_ARGS = (
    "console=tty0 console=ttyO2,115200n8 root=LABEL=testrootfs rootwait ro earlyprintk fixrtc "
    "nocompcache vram=48M omapfb.vram=0:24M mem=456M@0x80000000 mem=512M@0xA0000000"
)


class Panda(UBootBoard):
    """Boots from the third partition of its card, as in LAVA of 2013."""

    defaults: ClassVar[Mapping[str, Any]] = {
        "boot": {
            "prompts": ["Panda # "],
            "commands": [
                "mmc init",
                "mmc part 0",
                f"setenv bootcmd '{BOOT_COMMAND}'",
                f"setenv bootargs '{BOOT_ARGS}'",
                "boot",
            ],
        },
        "deploy": {
            "tftp": {
                # The Ethernet of this board is a USB device.
                "setup": ["usb start", "setenv autoload no", *HIGH, "dhcp"],
                "kernel": "0x82000000",
                "ramdisk": "0x84000000",
                "dtb": "0x83f00000",
                "bootargs": "console=ttyO2,115200n8 root=/dev/ram0 ip=dhcp",
            },
        },
    }
