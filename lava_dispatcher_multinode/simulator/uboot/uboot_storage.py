"""U-Boot's commands for the card: mmc, fatload, fatls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...errors import DeployError
from ...images import mbr
from . import storage
from .uboot_usage import usage

if TYPE_CHECKING:
    from .dialogue import UBoot


def mmc(board: UBoot, words: list[str]) -> int:
    """`mmc list|init|rescan|part|dev|info`: the board's one card."""
    action = words[1] if len(words) > 1 else ""
    if action == "list":
        board.wire.text("OMAP SD/MMC: 0\n")
        return 0
    if action not in {"init", "rescan", "part", "dev", "info"}:
        return usage(board, words)
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


def mmcinfo(board: UBoot, words: list[str]) -> int:
    """`mmcinfo`: say what card is there."""
    del words
    return mmc(board, ["mmc", "info"])


def _volume(board: UBoot, words: list[str]) -> mbr.Partition | None:
    """Return the partition that `mmc 0:3` in the command means; say why if there is none."""
    interface, place = words[1], words[2]
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


def fatload(board: UBoot, words: list[str]) -> int:
    """`fatload mmc 0:PART ADDRESS FILE [BYTES]`: read a file into memory."""
    if len(words) < 5:
        return usage(board, words)
    part = _volume(board, words)
    if part is None:
        return 1
    if not _is_hex(words[3]):
        return usage(board, words)
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


def fatls(board: UBoot, words: list[str]) -> int:
    """`fatls mmc 0:PART [DIRECTORY]`: list a directory."""
    if len(words) < 3:
        return usage(board, words)
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


def _is_hex(text: str) -> bool:
    try:
        return 0 <= int(text, 16) < 1 << 32
    except ValueError:
        return False
