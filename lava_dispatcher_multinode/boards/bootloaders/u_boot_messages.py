"""What U-Boot says and what it takes: prompts, status, errors, limits. No input or output here.

The status of a command says whether it failed. Words decide where it does not: for a command
that does not come back, for the first commands of a list, for `usb start` (0 although it
failed), and for a U-Boot whose shell has no `$?`.
"""

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

#: What U-Boot prints when it does not go on, and does not come back to its prompt. `boot` may
#: try a boot.scr that is not there, complain, and boot all the same.
FATAL = (
    "data abort",
    "prefetch abort",
    "undefined instruction",
    "Resetting CPU",
    "Must RESET board to recover",
    "Please RESET the board",
)
#: What it prints when a command did not work.
ERRORS = (
    *FATAL,
    "Unknown command '",
    "## Error",
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
    "Can't set block device",
    "** No boot file defined",
    "** Unrecognized filesystem type",
    "Failed to load '",
    "File not found",
    "no mmc device at slot",
    "No MMC device available",
    "MMC: no card present",
    "Card did not respond to voltage select",
    "Wrong Image Format for ",
    "Wrong Image Type for ",
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
    "The remote end did not respond in time",
    "No ethernet found",
    "phy not connected",
    "*** ERROR: `",
    "ping failed; ",
    "Failed to register ",
    "No working controllers found",
    "FDT_ERR_",
    "FDT and ATAGS support not compiled in",
    "Error: writing contents",
    "TFTP error: ",
    "TFTP server died",
    "ARP Retry count exceeded",
    "Retry count exceeded",
    "Retry time exceeded",
)
#: Written like this, or it is part of something else: `timeout=5` among boot arguments.
EXACT_ERRORS = ("TIMEOUT",)

#: What asks for the status of the last command, and the answer. The variable keeps the status
#: until its answer has come whole: ASK_AGAIN. A shell without `$?` answers without a number.
ASK = "lava_rc=$?; echo lava_rc=$lava_rc"
ASK_AGAIN = "echo lava_rc=$lava_rc"
ANSWER = re.compile(rb"lava_rc=(\d{1,3})[\r\n]")
NO_ANSWER = re.compile(rb"lava_rc=\$|Unknown command 'lava_rc=")

#: What a command prints that does not understand its arguments.
USAGE = re.compile(rb"^Usage: *[\r\n]", re.MULTILINE)

#: Lines of 2013 that a later U-Boot does not know and does not need: its loads initialise.
NEEDLESS = frozenset({"mmc init", "mmc part 0"})
#: Lines with a status that is no failure: a condition that is false, and `gpio`, which
#: returned the value of the pin. `|| true` allows a command to fail.
_CONDITION = re.compile(r"(?:^|[;&|]) *(?:if|while|until|for|test|itest|\[|env exists|gpio)\b")
_HANDLED = re.compile(r"\|\||(?:^|[;&|]) *if\b")
#: Commands that put into memory what a later command of the line starts.
_LOAD = re.compile(
    r"\b(?:(?:fat|ext[24]|fs|sqfs|ubifs|zfs)?load[bsxy]?|tftp(?:boot)?|dhcp|bootp|nfs|wget)\b"
)
#: Commands that look in several places for something to boot.
SEARCHES = re.compile(r"^(?:boot|bootd|run|source|bootflow)\b")
_SETENV = re.compile(r"""^setenv (?:-f )?(?P<name>\S+) (?P<quote>['"]?)(?P<value>.+)(?P=quote)$""")
_RUN = re.compile(r"^run (?P<name>\S+)$")

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


def status_counts(line: str) -> bool:
    """Return whether a status of `line` other than 0 is a failure."""
    return line.strip() not in NEEDLESS and _CONDITION.search(line) is None


def loads(line: str) -> bool:
    """Return whether `line` puts something into memory."""
    return _LOAD.search(line) is not None


def failures(line: str, output: bytes) -> list[bytes]:
    """Return the lines of `output` that name an error which `line` does not provide for."""
    if _HANDLED.search(line):
        return []
    unknown = line.strip() in NEEDLESS
    return [each for each in errors(output) if not (unknown and b"Unknown command" in each)]


def setting(line: str) -> tuple[str, str] | None:
    """Return the variable that `line` sets, and its value; None if it sets none."""
    found = _SETENV.match(line.strip())
    return (found["name"], found["value"]) if found else None


def variable(line: str) -> str | None:
    """Return the name of the variable that `line` executes; None if it does not."""
    found = _RUN.match(line.strip())
    return "bootcmd" if line.strip() in {"boot", "bootd"} else found["name"] if found else None


def errors(output: bytes) -> list[bytes]:
    """Return the lines of `output` that name an error, each once."""
    lines = (line.strip(b"\b ") for line in re.split(rb"[\r\n]+", output))
    return list(dict.fromkeys(line for line in lines if re.search(ERROR_PATTERN, line)))


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
