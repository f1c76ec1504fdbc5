"""The commands of U-Boot 2012.10, with its words for success and failure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..fault_injection import Reset
from .uboot_boot import bootm, bootz
from .uboot_environment import boot, printenv, run, saveenv, setenv
from .uboot_storage import fatload, fatls, mmc, mmcinfo
from .uboot_usage import USAGE, usage

if TYPE_CHECKING:
    from collections.abc import Callable

    from .dialogue import UBoot


def _help(board: UBoot, words: list[str]) -> int:
    unknown = [name for name in words[1:] if name not in COMMANDS]
    for name in words[1:]:
        if name in unknown:
            board.wire.text(
                f"Unknown command '{name}' - try 'help' without arguments for list of all "
                "known commands\n\n"
            )
        else:
            board.wire.text(f"{name} - {USAGE[name]}\n")
    if len(words) > 1:
        return 1 if unknown else 0
    for name in sorted(COMMANDS):
        board.wire.text(f"{name:8}- {USAGE[name]}\n")
    return 0


def _version(board: UBoot, words: list[str]) -> int:
    del words
    line = next(line for line in board.model.banner.splitlines() if line.startswith("U-Boot"))
    board.wire.text(
        f"\n{line}\narm-linux-gnueabihf-gcc (Ubuntu/Linaro 4.7.2-1ubuntu1) 4.7.2\n"
        "GNU ld (GNU Binutils for Ubuntu) 2.22.90.20120924\n"
    )
    return 0


def _echo(board: UBoot, words: list[str]) -> int:
    board.wire.text(" ".join(words[1:]) + "\n")
    return 0


def _reset(board: UBoot, words: list[str]) -> int:
    del words
    board.wire.text("resetting ...\n")
    raise Reset


def _usb(board: UBoot, words: list[str]) -> int:
    if len(words) < 2:
        return usage(board, words)
    if words[1] in {"start", "reset"}:
        board.wire.text(
            "(Re)start USB...\nUSB:   Register 1313 NbrPorts 3\nUSB EHCI 1.00\n"
            "scanning bus for devices... 2 USB Device(s) found\n"
            "       scanning bus for storage devices... 0 Storage Device(s) found\n"
            "       scanning bus for ethernet devices... 0 Ethernet Device(s) found\n"
        )
    elif words[1] not in {"stop", "tree", "info"}:
        return usage(board, words)
    return 0


def _network(board: UBoot, words: list[str]) -> int:
    del words
    board.wire.text("No ethernet found.\n")
    return 1


def _true(board: UBoot, words: list[str]) -> int:
    del board
    return 0 if words[0] == "true" else 1


COMMANDS: dict[str, Callable[[UBoot, list[str]], int]] = {
    "?": _help,
    "boot": boot,
    "bootd": boot,
    "bootm": bootm,
    "bootz": bootz,
    "dhcp": _network,
    "echo": _echo,
    "false": _true,
    "fatload": fatload,
    "fatls": fatls,
    "help": _help,
    "mmc": mmc,
    "mmcinfo": mmcinfo,
    "ping": _network,
    "printenv": printenv,
    "reset": _reset,
    "run": run,
    "saveenv": saveenv,
    "setenv": setenv,
    "tftp": _network,
    "tftpboot": _network,
    "true": _true,
    "usb": _usb,
    "version": _version,
}
