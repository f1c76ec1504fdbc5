"""What each of U-Boot's commands is for, as its help has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .dialogue import UBoot

USAGE = {
    "?": "alias for 'help'",
    "boot": "boot default, i.e., run 'bootcmd'",
    "bootd": "boot default, i.e., run 'bootcmd'",
    "bootm": "boot application image from memory",
    "bootz": "boot Linux zImage image from memory",
    "dhcp": "boot image via network using DHCP/TFTP protocol",
    "echo": "echo args to console",
    "false": "do nothing, unsuccessfully",
    "fatload": "load binary file from a dos filesystem",
    "fatls": "list files in a directory (default /)",
    "help": "print command description/usage",
    "mmc": "MMC sub system",
    "mmcinfo": "display MMC info",
    "ping": "send ICMP ECHO_REQUEST to network host",
    "printenv": "print environment variables",
    "reset": "Perform RESET of the CPU",
    "run": "run commands in an environment variable",
    "saveenv": "save environment variables to persistent storage",
    "setenv": "set environment variables",
    "tftp": "boot image via network using TFTP protocol",
    "tftpboot": "boot image via network using TFTP protocol",
    "true": "do nothing, successfully",
    "usb": "USB sub-system",
    "version": "print monitor, compiler and linker version",
}


def usage(board: UBoot, words: list[str]) -> int:
    """Say how the command in `words` is used; its status."""
    name = words[0]
    board.wire.text(f"{name} - {USAGE[name]}\n\nUsage:\n{name} [arguments]\n")
    return 1
