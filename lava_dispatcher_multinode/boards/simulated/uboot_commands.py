"""The commands of U-Boot 2012.10, with its words for success and failure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...errors import DeployError
from ...images import mbr
from . import storage
from .mischief import Reset
from .uboot_boot import bootm, bootz

if TYPE_CHECKING:
    from collections.abc import Callable

    from .uboot import UBoot

_USAGE = {
    "boot": "boot default, i.e., run 'bootcmd'",
    "bootd": "boot default, i.e., run 'bootcmd'",
    "bootm": "boot application image from memory",
    "bootz": "boot Linux zImage image from memory",
    "dhcp": "boot image via network using DHCP/TFTP protocol",
    "echo": "echo args to console",
    "fatload": "load binary file from a dos filesystem",
    "fatls": "list files in a directory (default /)",
    "help": "print command description/usage",
    "mmc": "MMC sub system",
    "mmcinfo": "display MMC info",
    "printenv": "print environment variables",
    "reset": "Perform RESET of the CPU",
    "run": "run commands in an environment variable",
    "saveenv": "save environment variables to persistent storage",
    "setenv": "set environment variables",
    "tftp": "boot image via network using TFTP protocol",
    "tftpboot": "boot image via network using TFTP protocol",
    "usb": "USB sub-system",
    "version": "print monitor, compiler and linker version",
}


def _usage(board: UBoot, words: list[str]) -> int:
    name = words[0]
    board.wire.text(f"{name} - {_USAGE[name]}\n\nUsage:\n{name} [arguments]\n")
    return 1


def _help(board: UBoot, words: list[str]) -> int:
    if len(words) > 1:
        known = [name for name in words[1:] if name in COMMANDS]
        for name in words[1:]:
            text = (
                f"{name} - {_USAGE[name]}"
                if name in known
                else (
                    f"Unknown command '{name}' - try 'help' without arguments for list of all "
                    "known commands\n"
                )
            )
            board.wire.text(text + "\n")
        return 0 if len(known) == len(words) - 1 else 1
    for name in sorted(COMMANDS):
        board.wire.text(
            f"{name if name != '?' else '?       '}".ljust(8)
            + f"- {_USAGE.get(name, 'alias for ' + repr('help'))}\n"
        )
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


def _setenv(board: UBoot, words: list[str]) -> int:
    if len(words) < 2:
        return _usage(board, words)
    if "=" in words[1]:
        board.wire.text(f"## Error: illegal character '=' in variable name \"{words[1]}\"\n")
        return 1
    if len(words) == 2:
        board.environment.pop(words[1], None)
    else:
        board.environment[words[1]] = " ".join(words[2:])
    return 0


def _printenv(board: UBoot, words: list[str]) -> int:
    status = 0
    for name in words[1:]:
        if name in board.environment:
            board.wire.text(f"{name}={board.environment[name]}\n")
        else:
            board.wire.text(f'## Error: "{name}" not defined\n')
            status = 1
    if len(words) == 1:
        lines = [f"{name}={value}\n" for name, value in sorted(board.environment.items())]
        size = sum(map(len, lines))
        board.wire.text("".join(lines) + f"\nEnvironment size: {size}/131068 bytes\n")
    return status


def _saveenv(board: UBoot, words: list[str]) -> int:
    if not board.model.saves_env:
        board.wire.text(f"Unknown command '{words[0]}' - try 'help'\n")
        return 1
    board.wire.text("Saving Environment to NAND...\nErasing Nand...\nWriting to Nand... done\n")
    board.saved = dict(board.environment)
    return 0


def _run(board: UBoot, words: list[str]) -> int:
    if len(words) < 2:
        return _usage(board, words)
    for name in words[1:]:
        if name not in board.environment:
            board.wire.text(f'## Error: "{name}" not defined\n')
            return 1
        if status := board.execute(board.environment[name]):
            return status
    return 0


def _boot(board: UBoot, words: list[str]) -> int:
    del words
    return _run(board, ["run", "bootcmd"])


def _reset(board: UBoot, words: list[str]) -> int:
    del words
    board.wire.text("resetting ...\n")
    raise Reset


def _mmc(board: UBoot, words: list[str]) -> int:
    action = words[1] if len(words) > 1 else ""
    if action == "list":
        board.wire.text("OMAP SD/MMC: 0\n")
        return 0
    if action not in {"init", "rescan", "part", "dev", "info"}:
        return _usage(board, words)
    # 2013's `mmc part 0` names the device; `mmc dev 1` asks for one that is not there.
    device = words[2] if len(words) > 2 and action in {"dev", "part"} else "0"
    if device != "0":
        board.wire.text(f"no mmc device at slot {device}\n")
        return 1
    try:
        with storage.opened(board.card) as disk:
            size = mbr.size_of(disk)
    except storage.NoCard:
        board.wire.text("MMC: no card present\nmmc_init: error -123\n")
        return 1
    if action == "dev":
        board.wire.text("mmc0 is current device\n")
    elif action == "info":
        board.wire.text(_card_info(size))
    elif action == "part":
        return _parts(board)
    return 0


def _card_info(size: int) -> str:
    return (
        "Device: OMAP SD/MMC\nManufacturer ID: 3\nOEM: 5344\nName: SU04G \n"
        "Tran Speed: 50000000\nRd Block Len: 512\nSD version 3.0\nHigh Capacity: Yes\n"
        f"Capacity: {size / (1 << 20):.1f} MiB\nBus Width: 4-bit\n"
    )


def _parts(board: UBoot) -> int:
    found = storage.partitions(board.card)
    if not found:
        board.wire.text("## Unknown partition table\n")
        return 1
    board.wire.text(
        "\nPartition Map for MMC device 0  --   Partition Type: DOS\n\n"
        "Partition     Start Sector     Num Sectors     Type\n"
    )
    for part in found:
        extended = " Extd" if part.extended else ""
        board.wire.text(
            f"{part.number:5d}\t\t{part.start // 512:10d}\t{part.size // 512:10d}\t"
            f"{part.type:2x}{extended}\n"
        )
    return 0


def _mmcinfo(board: UBoot, words: list[str]) -> int:
    del words
    return _mmc(board, ["mmc", "info"])


def _volume(board: UBoot, words: list[str]) -> mbr.Partition | None:
    """Return the partition that `mmc 0:3` in the command means; say why if there is none."""
    interface, _, place = words[1], None, words[2]
    device, _, number = place.partition(":")
    if interface != "mmc" or device != "0":
        board.wire.text(f"** Bad device {interface} {device} **\n")
        return None
    part = storage.partition(board.card, int(number or "1", 16) if _is_hex(number or "1") else 0)
    if part is None:
        board.wire.text(
            f"** Partition {number or '1'} not valid on device 0 **\n"
            f"** Unable to use {interface} {device}:{number or '1'} "
            f"for {words[0]} **\n"
        )
    return part


def _fatload(board: UBoot, words: list[str]) -> int:
    if len(words) < 5:
        return _usage(board, words)
    part = _volume(board, words)
    if part is None:
        return 1
    if not _is_hex(words[3]):
        return _usage(board, words)
    address, name = int(words[3], 16), words[4]
    limit = int(words[5], 16) if len(words) > 5 and _is_hex(words[5]) else None
    board.wire.text(f"reading {name}\n")
    try:
        with storage.fat(board.card, part) as volume:
            size = volume.find(name).size
            board.dram.check(address, min(size, limit or size))
            content = volume.read(name, limit or None)
    except FileNotFoundError:
        board.wire.text(f'\n** Unable to read "{name}" from {words[1]} {words[2]} **\n')
        return 1
    except (DeployError, storage.NoCard):
        board.wire.text(f"** Unable to use {words[1]} {words[2]} for fatload **\n")
        return 1
    board.check_interrupt()
    board.dram.write(address, content)
    board.environment["filesize"] = f"{len(content):X}"
    board.wire.text(f"\n{len(content)} bytes read\n")
    return 0


def _fatls(board: UBoot, words: list[str]) -> int:
    if len(words) < 3:
        return _usage(board, words)
    part = _volume(board, words)
    if part is None:
        return 1
    try:
        with storage.fat(board.card, part) as volume:
            entries = volume.entries(words[3] if len(words) > 3 else "/")
    except (FileNotFoundError, DeployError, storage.NoCard):
        board.wire.text(f"** Unable to use {words[1]} {words[2]} for fatls **\n")
        return 1
    for entry in entries:
        size = " " * 12 if entry.is_directory else f"{entry.size:9d}   "
        board.wire.text(f"{size}{entry.name.lower()}{'/' if entry.is_directory else ''} \n")
    files = sum(not entry.is_directory for entry in entries)
    board.wire.text(f"\n{files} file(s), {len(entries) - files} dir(s)\n\n")
    return 0


def _usb(board: UBoot, words: list[str]) -> int:
    if len(words) < 2:
        return _usage(board, words)
    if words[1] in {"start", "reset"}:
        board.wire.text(
            "(Re)start USB...\nUSB:   Register 1313 NbrPorts 3\nUSB EHCI 1.00\n"
            "scanning bus for devices... 2 USB Device(s) found\n"
            "       scanning bus for storage devices... 0 Storage Device(s) found\n"
            "       scanning bus for ethernet devices... 0 Ethernet Device(s) found\n"
        )
    elif words[1] not in {"stop", "tree", "info"}:
        return _usage(board, words)
    return 0


def _network(board: UBoot, words: list[str]) -> int:
    del words
    board.wire.text("No ethernet found.\n")
    return 1


def _true(board: UBoot, words: list[str]) -> int:
    del board
    return 0 if words[0] == "true" else 1


def _is_hex(text: str) -> bool:
    try:
        return 0 <= int(text, 16) < 1 << 32
    except ValueError:
        return False


COMMANDS: dict[str, Callable[[UBoot, list[str]], int]] = {
    "?": _help,
    "boot": _boot,
    "bootd": _boot,
    "bootm": bootm,
    "bootz": bootz,
    "dhcp": _network,
    "echo": _echo,
    "false": _true,
    "fatload": _fatload,
    "fatls": _fatls,
    "help": _help,
    "mmc": _mmc,
    "mmcinfo": _mmcinfo,
    "ping": _network,
    "printenv": _printenv,
    "reset": _reset,
    "run": _run,
    "saveenv": _saveenv,
    "setenv": _setenv,
    "tftp": _network,
    "tftpboot": _network,
    "true": _true,
    "usb": _usb,
    "version": _version,
}
_USAGE |= {
    "false": "do nothing, unsuccessfully",
    "true": "do nothing, successfully",
    "ping": "send ICMP ECHO_REQUEST to network host",
}
