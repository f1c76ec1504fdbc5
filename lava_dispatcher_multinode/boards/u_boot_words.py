"""What U-Boot says and what it takes: prompts, errors, limits. No input or output here."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

#: What boards are known to print; `boot.prompts` comes on top.
KNOWN_PROMPTS = (
    "Panda # ",
    "OMAP3 beagleboard.org # ",
    "BeagleBoard # ",
    "U-Boot> ",
    "U-Boot# ",
    "U-Boot $ ",
    "uboot> ",
    "=> ",
)

#: What U-Boot prints when a command did not work and it does not go on. `boot` may try a
#: boot.scr that is not there, complain, and boot all the same.
FATAL = (
    "Unknown command '",
    "data abort",
    "prefetch abort",
    "undefined instruction",
    "Resetting CPU",
    "Must RESET board to recover",
    "Please RESET the board",
)
#: All that it prints when a command did not work; old ones have no other sign.
ERRORS = (
    *FATAL,
    "syntax error",
    "** Unable to read",
    "** Bad device",
    "** Invalid partition",
    "** No partition table",
    "** No valid partitions",
    "** Bad partition",
    " not valid on device ",
    "** Unable to use ",
    "Couldn't find partition ",
    "** No boot file defined",
    "** Unrecognized filesystem type",
    "Failed to load '",
    "File not found",
    "no mmc device at slot",
    "No MMC device available",
    "MMC: no card present",
    "Card did not respond to voltage select",
    "Wrong Image Format for boot",
    "Wrong Image Type for boot",
    "ERROR: can't get kernel image",
    "Wrong Ramdisk Image Format",
    "Ramdisk image is corrupt or invalid",
    "ERROR: Failed to allocate",
    "Could not find configuration node",
    "Bad FIT kernel image format",
    "Bad Magic Number",
    "Bad Header Checksum",
    "Bad Data CRC",
    "Bad hash value",
    "Bad Linux ARM zImage magic",
    "Bad Linux ARM64 Image magic",
    "zimage: Bad magic",
    "ERROR: Did not find a cmdline Flattened Device Tree",
    "ERROR: The remote end did not respond in time",
    "TFTP error: ",
    "TFTP server died",
    "ARP Retry count exceeded",
    "Retry count exceeded",
    "Retry time exceeded",
)
#: Written like this, or it is part of something else: `timeout=5` among boot arguments.
EXACT_ERRORS = ("TIMEOUT",)

#: Longer lines are cut without a word (CONFIG_SYS_CBSIZE is 512 on most boards).
LONGEST_LINE = 510

#: What shows that a kernel runs, also where its first lines came garbled or `quiet` has
#: them left out: a time stamp, or the login prompt, which stays for whoever answers it.
KERNEL_RUNS = rb"[\r\n]\[ *\d+\.\d{6}\] |Booting Linux on |(?=login: )"

#: Its first line, and that of what loads it on an OMAP.
BANNER = rb"[\r\n](?:U-Boot (?:SPL )?\d{4}\.\d\d|Texas Instruments X-Loader )"
#: After these it is meant to start again.
RESTARTS = re.compile(r"\b(?:reset|go)\b")

#: What a terminal obeys: U-Boot's EFI boot manager asks for the terminal's size on its way.
ESCAPES = rb"(?:\x1b(?:\[[0-9;?]*[A-Za-z]|[78]))*"

#: Seconds that commands may take, by their first word.
NETWORK = 300.0
MEDIUM = 120.0
QUICK = 30.0
_SLOW = {
    **dict.fromkeys(("tftp", "tftpboot", "dhcp", "bootp", "nfs", "wget", "rarpboot"), NETWORK),
    **dict.fromkeys(("boot", "bootd", "run", "source", "pxe", "loadx", "loady"), NETWORK),
    **dict.fromkeys(
        ("load", "fatload", "ext2load", "ext4load", "fsload", "mmc", "sf", "nand", "ubi"), MEDIUM
    ),
    **dict.fromkeys(("usb", "sata", "scsi", "nvme", "pci", "virtio", "bootm", "bootz"), MEDIUM),
    **dict.fromkeys(("booti", "bootefi", "bootflow", "go", "sysboot"), MEDIUM),
}
_PART = 8  # bytes of a text by which it can be told from other words


def seconds_for(line: str) -> float:
    """Return how long the commands of `line` may take together, unless told otherwise."""
    return max((_SLOW.get(word, QUICK) for word in re.findall(r"\w+", line)), default=QUICK)


def prompt_pattern(prompts: Sequence[str]) -> bytes:
    """Return what a prompt at the start of a line looks like; `prompts` beside the known."""
    texts = dict.fromkeys((*prompts, *KNOWN_PROMPTS))
    any_prompt = b"|".join(re.escape(text.rstrip().encode()) for text in texts if text.strip())
    return rb"(?:^|[\r\n])" + ESCAPES + rb"(?:" + any_prompt + rb") ?"


def countdown_pattern(text: str) -> bytes:
    """Return what `text` looks like on a bad line: any third (half, if short) of it will do."""
    data = text.encode()
    parts = min(3, len(data) // _PART) or 1
    cuts = [len(data) * n // parts for n in range(parts + 1)]
    return b"|".join(re.escape(data[a:b]) for a, b in pairwise(cuts))


def kernel_pattern(start: str) -> bytes:
    """Return what shows that a kernel runs; `start` is the device file's `kernel_start`."""
    return b"|".join(filter(None, (re.escape(start.encode()), KERNEL_RUNS)))


def restarted_pattern(interrupt: str) -> bytes:
    """Return what shows that U-Boot started again: its banner, and a countdown after it.

    The banner alone is also what `version` prints.
    """
    return BANNER + rb"(?s:.{0,4096}?)" + re.escape(interrupt.encode())


def any_of(texts: Sequence[str]) -> bytes:
    """Return a pattern for any of `texts`, in capitals or not."""
    return rb"(?i:" + b"|".join(re.escape(text.encode()) for text in texts) + rb")"


ERROR_PATTERN = any_of(ERRORS) + b"|" + b"|".join(text.encode() for text in EXACT_ERRORS)
FATAL_PATTERN = any_of(FATAL)
