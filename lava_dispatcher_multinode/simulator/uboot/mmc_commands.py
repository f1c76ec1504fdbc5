"""The U-Boot commands that read the SD card: mmc, fatload, fatls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...errors import DeployError
from .. import sd_card
from .dialogue import CommandFailed

if TYPE_CHECKING:
    from ...images import mbr
    from .dialogue import SimulatedUBoot

_FATLOAD_USAGE = "Usage:\nfatload <interface> <dev[:part]> <addr> <filename> [bytes]\n"


def mmc(uboot: SimulatedUBoot, words: list[str]) -> int:
    """`mmc init|rescan|part|dev`: the one card of the board."""
    action = words[1] if len(words) > 1 else ""
    if action not in {"init", "rescan", "part", "dev"}:
        raise CommandFailed("Usage:\nmmc init|rescan|part|dev [dev]\n")
    # `mmc part 0`, as typed in 2013, names the device, not a partition.
    device = words[2] if len(words) > 2 and action in {"dev", "part"} else "0"
    if device != "0":
        raise CommandFailed(f"no mmc device at slot {device}\n")
    try:
        with sd_card.opened(uboot.card):
            pass
    except sd_card.NoCard:
        raise CommandFailed("MMC: no card present\nmmc_init: error -123\n") from None
    if action == "dev":
        uboot.serial.write_text("mmc0 is current device\n")
    elif action == "part":
        _print_partitions(uboot)
    return 0


def _print_partitions(uboot: SimulatedUBoot) -> None:
    found = sd_card.partitions(uboot.card)
    if not found:
        raise CommandFailed("## Unknown partition table\n")
    uboot.serial.write_text(
        "\nPartition Map for MMC device 0  --   Partition Type: DOS\n\n"
        "Partition     Start Sector     Num Sectors     Type\n"
    )
    for part in found:
        extended = " Extd" if part.extended else ""
        uboot.serial.write_text(
            f"{part.number:5d}\t\t{part.start // 512:10d}\t{part.size // 512:10d}\t"
            f"{part.type:2x}{extended}\n"
        )


def fatload(uboot: SimulatedUBoot, words: list[str]) -> int:
    """`fatload mmc 0:PART ADDRESS FILE [BYTES]`: read a file into memory."""
    if len(words) < 5:
        raise CommandFailed(_FATLOAD_USAGE)
    part = _find_partition(uboot, words)
    address, name = _parse_hex(words[3]), words[4]
    if address is None:
        raise CommandFailed(_FATLOAD_USAGE)
    limit = _parse_hex(words[5]) if len(words) > 5 else None
    uboot.serial.write_text(f"reading {name}\n")
    try:
        with sd_card.open_fat(uboot.card, part) as volume:
            size = volume.find(name).size
            uboot.dram.check(address, min(size, limit or size))
            content = volume.read(name, limit or None)
    except FileNotFoundError:
        text = f'\n** Unable to read "{name}" from {words[1]} {words[2]} **\n'
        raise CommandFailed(text) from None
    except (DeployError, sd_card.NoCard):
        text = f"** Unable to use {words[1]} {words[2]} for fatload **\n"
        raise CommandFailed(text) from None
    uboot.check_interrupt()
    uboot.dram.write(address, content)
    uboot.environment["filesize"] = f"{len(content):X}"
    uboot.serial.write_text(f"\n{len(content)} bytes read\n")
    return 0


def fatls(uboot: SimulatedUBoot, words: list[str]) -> int:
    """`fatls mmc 0:PART [DIRECTORY]`: list a directory."""
    if len(words) < 3:
        raise CommandFailed("Usage:\nfatls <interface> <dev[:part]> [directory]\n")
    part = _find_partition(uboot, words)
    try:
        with sd_card.open_fat(uboot.card, part) as volume:
            entries = volume.entries(words[3] if len(words) > 3 else "/")
    except (FileNotFoundError, DeployError, sd_card.NoCard):
        text = f"** Unable to use {words[1]} {words[2]} for fatls **\n"
        raise CommandFailed(text) from None
    for entry in entries:
        size = " " * 12 if entry.is_directory else f"{entry.size:9d}   "
        slash = "/" if entry.is_directory else ""
        uboot.serial.write_text(f"{size}{entry.name.lower()}{slash} \n")
    files = sum(not entry.is_directory for entry in entries)
    uboot.serial.write_text(f"\n{files} file(s), {len(entries) - files} dir(s)\n\n")
    return 0


def _find_partition(uboot: SimulatedUBoot, words: list[str]) -> mbr.Partition:
    """Return the partition that `mmc 0:3` in the command names; raise `CommandFailed`."""
    interface, place = words[1], words[2]
    device, _, number = place.partition(":")
    if interface != "mmc" or device != "0":
        raise CommandFailed(f"** Bad device {interface} {device} **\n")
    part = sd_card.partition(uboot.card, _parse_hex(number or "1") or 0)
    if part is None:
        raise CommandFailed(
            f"** Partition {number or '1'} not valid on device 0 **\n"
            f"** Unable to use {interface} {device}:{number or '1'} for {words[0]} **\n"
        )
    return part


def _parse_hex(text: str) -> int | None:
    """Return a 32-bit number; None if `text` is not one."""
    try:
        number = int(text, 16)
    except ValueError:
        return None
    return number if 0 <= number < 1 << 32 else None
