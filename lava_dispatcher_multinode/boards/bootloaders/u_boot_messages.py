"""U-Boot's prompts, status, error messages and limits: data and pure functions.

The status of a command shows whether it failed. Error messages decide where it does not: for
a command that does not return, for the first commands of a list, for `usb start` (0 although
it failed), and for a U-Boot whose shell has no `$?`.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

from .command_line import DEFAULT_TIMEOUT_S, ESCAPES, PROBE, STAMP, lines

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Known prompts; `boot.prompts` adds others.
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

#: Messages of firmware that has given up before U-Boot runs. It hangs after the final ones;
#: after the others, U-Boot may still come from another medium.
FIRMWARE_GAVE_UP = (
    "SPL: failed to boot from all boot devices",
    "### ERROR ### Please RESET the board",
    "X-Loader hangs",
    "Could not read bootloader!",
)
FIRMWARE_FAILED = (
    "MMC init failed",
    "u-boot.bin not found or blank nand contents",
)

#: Messages after which U-Boot does not return to its prompt.
FATAL = (
    "data abort",
    "prefetch abort",
    "undefined instruction",
    "Resetting CPU",
    "Must RESET board to recover",
    "Please RESET the board",
)
#: Messages of failed commands. `boot` may fail to find a boot.scr, print one, and boot anyway.
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
    "uncompress error ",
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
#: Case-sensitive messages: `timeout=5` in boot arguments is none.
EXACT_ERRORS = ("TIMEOUT",)

#: Commands that print the status of the last command, and their answers. The variable keeps the
#: status, so a garbled answer can be repeated. A shell without `$?` prints no number.
ASK_STATUS = "lava_rc=$?; echo lava_rc=$lava_rc"
ASK_STATUS_AGAIN = "echo lava_rc=$lava_rc"
STATUS = re.compile(rb"lava_rc=(\d{1,3})[\r\n]")
NO_STATUS = re.compile(rb"lava_rc=\$|Unknown command 'lava_rc=")

#: The output of a command with wrong arguments.
USAGE = re.compile(rb"^" + STAMP + rb"Usage: *[\r\n]", re.MULTILINE)

#: Lines of 2013 that later versions of U-Boot neither know nor need.
OBSOLETE_LINES = frozenset({"mmc init", "mmc part 0"})
#: Lines whose status is no failure: a false condition, and `gpio`, which returned the value of
#: the pin. `|| true` allows a command to fail.
_CONDITION = re.compile(r"(?:^|[;&|]) *(?:if|while|until|for|test|itest|\[|env exists|gpio)\b")
_HANDLED = re.compile(r"\|\||(?:^|[;&|]) *if\b")
#: Commands that load into memory.
_LOAD = re.compile(
    r"\b(?:(?:fat|ext[24]|fs|sqfs|ubifs|zfs)?load[bsxy]?|tftp(?:boot)?|dhcp|bootp|nfs|wget)\b"
)
#: Commands that search several places for something to boot.
SEARCHES = re.compile(r"^(?:boot|bootd|run|source|bootflow)\b")
#: Commands that print texts of scripts and variables, which may look like a prompt.
_PRINTS = re.compile(
    r"\b(?:boot|bootd|bootflow|run|source|sysboot|pxe|go|echo|print(?:env)?|env|if|for|while)\b"
)
_SETENV = re.compile(r"""^setenv (?:-f )?(?P<name>\S+) (?P<quote>['"]?)(?P<value>.+)(?P=quote)$""")
_RUN = re.compile(r"^run (?P<name>\S+)$")

#: Longer lines are cut silently (CONFIG_SYS_CBSIZE is 512 on most boards).
MAX_LINE_BYTES = 510

#: The first lines of U-Boot's stages, and that of the X-Loader on an OMAP.
BANNERS = (
    r"U-Boot SPL \d{4}\.\d\d",
    r"U-Boot \d{4}\.\d\d",
    r"Texas Instruments X-Loader ",
)
BANNER = rb"[\r\n]" + STAMP + rb"(?:" + "|".join(BANNERS).encode() + rb")"
#: Commands that restart the board.
RESTARTS = re.compile(r"\b(?:reset|go)\b")

#: Timeouts of commands, by their first word.
NETWORK_TIMEOUT_S = 300.0
MEDIUM_TIMEOUT_S = 120.0
_TIMEOUTS_S = {
    **dict.fromkeys(
        ("tftp", "tftpboot", "dhcp", "bootp", "nfs", "wget", "rarpboot"), NETWORK_TIMEOUT_S
    ),
    **dict.fromkeys(
        ("boot", "bootd", "run", "source", "pxe", "loadx", "loady"), NETWORK_TIMEOUT_S
    ),
    **dict.fromkeys(
        ("load", "fatload", "ext2load", "ext4load", "fsload", "mmc", "sf", "nand", "ubi"),
        MEDIUM_TIMEOUT_S,
    ),
    **dict.fromkeys(
        ("usb", "sata", "scsi", "nvme", "pci", "virtio", "bootm", "bootz"), MEDIUM_TIMEOUT_S
    ),
    **dict.fromkeys(("booti", "bootefi", "bootflow", "go", "sysboot"), MEDIUM_TIMEOUT_S),
}
_PART_BYTES = 8  # of a text, which identify it


def seconds_for(line: str) -> float:
    """Return the default timeout of the commands of `line` together."""
    words = re.findall(r"\w+", line)
    return max(
        (_TIMEOUTS_S.get(word, DEFAULT_TIMEOUT_S) for word in words), default=DEFAULT_TIMEOUT_S
    )


def status_counts(line: str) -> bool:
    """Return whether a status of `line` other than 0 is a failure."""
    return line.strip() not in OBSOLETE_LINES and _CONDITION.search(line) is None


def prints(line: str) -> bool:
    """Return whether `line` may print any text, that of a prompt included."""
    return _PRINTS.search(line) is not None


def loads(line: str) -> bool:
    """Return whether `line` loads something into memory."""
    return _LOAD.search(line) is not None


def failures(line: str, output: bytes) -> list[bytes]:
    """Return the lines of `output` with an error that `line` does not handle itself."""
    if _HANDLED.search(line):
        return []
    obsolete = line.strip() in OBSOLETE_LINES
    return [each for each in errors(output) if not (obsolete and b"Unknown command" in each)]


def setting(line: str) -> tuple[str, str] | None:
    """Return name and value of the variable that `line` sets; None if it sets none."""
    found = _SETENV.match(line.strip())
    return (found["name"], found["value"]) if found else None


def variable(line: str) -> str | None:
    """Return the name of the variable that `line` executes, if any."""
    found = _RUN.match(line.strip())
    return "bootcmd" if line.strip() in {"boot", "bootd"} else found["name"] if found else None


def errors(output: bytes) -> list[bytes]:
    """Return the lines of `output` with an error message, each once."""
    return list(dict.fromkeys(each for each in lines(output) if re.search(ERROR_PATTERN, each)))


def prompt_pattern(prompts: Sequence[str], *, known: bool = True) -> bytes:
    """Return a pattern for a prompt, alone on the last line of the output.

    With `known`, `prompts` adds to the known ones. Probes may follow the prompt.
    """
    texts = dict.fromkeys((*prompts, *KNOWN_PROMPTS) if known else prompts)
    any_prompt = b"|".join(re.escape(text.rstrip().encode()) for text in texts if text.strip())
    start = rb"(?:^|[\r\n])" + ESCAPES + STAMP + ESCAPES
    return start + rb"(?:" + (any_prompt or rb"(?!)") + rb") ?(?=" + PROBE + rb"*\Z)"


def countdown_pattern(text: str) -> bytes:
    """Return a pattern for `text` on a noisy line: any third (half, if short) matches."""
    data = text.encode()
    parts = min(3, len(data) // _PART_BYTES) or 1
    cuts = [len(data) * n // parts for n in range(parts + 1)]
    return b"|".join(re.escape(data[a:b]) for a, b in pairwise(cuts))


def restarted_pattern(interrupt: str) -> bytes:
    """Return a pattern for a restart of U-Boot: its banner, then a countdown.

    The command `version` prints the banner alone.
    """
    return BANNER + rb"(?s:.{0,4096}?)" + re.escape(interrupt.encode())


def any_of(texts: Sequence[str]) -> bytes:
    """Return a case-insensitive pattern for any of `texts`."""
    return rb"(?i:" + b"|".join(re.escape(text.encode()) for text in texts) + rb")"


ERROR_PATTERN = any_of(ERRORS) + b"|" + b"|".join(text.encode() for text in EXACT_ERRORS)
FATAL_PATTERN = any_of(FATAL)
GAVE_UP_PATTERN = any_of(FIRMWARE_GAVE_UP)
FAILED_PATTERN = any_of(FIRMWARE_FAILED)
