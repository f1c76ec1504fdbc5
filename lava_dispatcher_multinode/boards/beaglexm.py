"""BeagleBoard-xM (OMAP3): what it boots with unless its device file says otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from .deploy.tftp_boot import HIGH
from .uboot_board import UBootBoard

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# As in 2013, but for `&&`: after a load that failed, memory holds the kernel of an earlier boot.
BOOT_COMMAND = (
    "fatload mmc 0:3 0x80000000 uImage && fatload mmc 0:3 0x81600000 uInitrd && "
    "bootm 0x80000000 0x81600000"
)
BOOT_ARGS = (
    "console=tty0 console=ttyO2,115200n8 root=LABEL=testrootfs rootwait ro earlyprintk fixrtc "
    "nocompcache vram=12M omapfb.debug=y omapfb.mode=dvi:1280x720MR-16@60"
)


class BeagleXM(UBootBoard):
    """Boots from the third partition of its card, as in LAVA of 2013."""

    # LAVA's own device type is called this; the documents of 2013 say beaglexm.
    aliases: ClassVar[Sequence[str]] = ("beagle-xm",)
    defaults: ClassVar[Mapping[str, Any]] = {
        "boot": {
            "prompts": ["OMAP3 beagleboard.org # "],
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
                # Its Ethernet is a USB device, and has no address of its own: device files give
                # each board one (setenv usbethaddr), or two would be the same to a network.
                "setup": [
                    "setenv usbethaddr 00:40:5c:26:0a:6c",
                    "usb start",
                    "setenv autoload no",
                    *HIGH,
                    "dhcp",
                ],
                "kernel": "0x81000000",
                "ramdisk": "0x82000000",
                "dtb": "0x81f00000",
                "bootargs": "console=ttyO2,115200n8 root=/dev/ram0 ip=dhcp",
            },
        },
    }
