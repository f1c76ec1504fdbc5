"""The boot method of a LAVA device dictionary that drives a board: a choice, and its keys."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

#: LAVA's boot method -> the boot loader of a device file; the first that can be used counts.
LOADERS = {
    "u-boot": "u-boot",
    "barebox": "barebox",
    "grub": "grub",
    "grub-efi": "grub",
    "minimal": "none",
}
#: Methods that do not hinder `minimal`: the board boots by itself, too.
_BESIDE_MINIMAL = {*LOADERS, "ssh"}
#: The order in which a refusal names the methods: the first is the dictionary's own way to boot.
_REASONS = (
    "qemu",
    "docker",
    "schroot",
    "fastboot",
    "qdl",
    "depthcharge",
    "ipxe",
    "uefi-menu",
    "uefi",
    "fvp",
    "avh",
    "musca",
    "jlink",
    "pyocd",
    "cmsis-dap",
    "openocd",
    "gdb",
    "uuu",
    "dfu",
    "recovery",
    "ssh",
)
#: Lists of commands that start a kernel which the job names, in order.
_LISTS = ("ramdisk", "tftp")
#: The words that LAVA replaces in a list of commands and that have a meaning here.
WORDS = frozenset(
    {
        *("{SERVER_IP}", "{LAVA_DISPATCHER_IP}", "{KERNEL}", "{KERNEL_ADDR}", "{BOOTX}"),
        *("{RAMDISK}", "{INITRD}", "{RAMDISK_ADDR}", "{DTB}", "{DTB_ADDR}", "{LAVA_MAC}"),
    }
)
#: Words that never have a value here: as in LAVA, a line with one of them is left out.
WORDS_WITHOUT_VALUE = frozenset(
    {
        *("{TEE}", "{TEE_ADDR}", "{PRESEED_CONFIG}", "{PRESEED_LOCAL}", "{ROOT}", "{ROOT_PART}"),
        *("{APPLY_DTBO_COMMANDS}", "{DTB_BASE_ADDR}", "{DTB_BASE_RESIZE}", "{DTBO_ADDR}"),
    }
)
#: GRUB's menu or prompt, and the key that opens its command line: the GRUB dialogue knows them.
_GRUB_MENU = {
    "interrupt": ("for a command-line", "grub>"),
    "interrupt_command": ("c",),
    "prompt_patterns": (["grub>"],),
}
_WORD = re.compile(r"(?<!\$)\{[A-Z_]+\}")
_SPECIAL = re.compile(r"[\\^$.|?*+()\[\]{}]")


class Refusal(Exception):
    """A dictionary, or its value at `path`, that this package cannot obey."""

    def __init__(self, path: tuple[str | int, ...], reason: str, message: str, hint: str) -> None:
        super().__init__(message)
        self.path = path
        self.reason = reason  # a word for counts: "fastboot"
        self.message = message
        self.hint = hint


class BootMethod(NamedTuple):
    """LAVA's boot method that drives a board, its list of commands, and the boot loader."""

    name: str
    commands: str  # empty without a list
    loader: str


def choose(methods: Mapping[str, Any], loader: str | None) -> BootMethod:
    """Return the boot method for the boot loader `loader`, or else the first that can be used.

    Raises `Refusal`.
    """
    path = ("actions", "boot", "methods")
    for name, its in LOADERS.items():
        if name not in methods or loader not in (None, its):
            continue
        if name == "minimal":
            others = [each for each in methods if each not in _BESIDE_MINIMAL]
            if loader == its or not others:
                return BootMethod(name, "", its)
        elif commands := next((each for each in _LISTS if _is_list(methods[name], each)), ""):
            return BootMethod(name, commands, its)
    hint = "host: lava runs such a board by LAVA's own dispatcher"
    if loader is not None:
        text = f"no boot method for bootloader '{loader}'"
        raise Refusal(path, "bootloader", f"{text}: it has {', '.join(methods) or 'none'}", hint)
    reason = next((each for each in _REASONS if each in methods), "")
    if not reason:
        have = f"has the boot methods {', '.join(methods)}" if methods else "has no boot method"
        reason = "no list of commands" if methods else "no boot method"
        raise Refusal(
            path,
            reason,
            f"the dictionary {have}, with no list of commands for a kernel that a job names",
            hint,
        )
    if "minimal" in methods:
        hint = (
            "bootloader: none takes its method minimal, which boots what is on the board; " + hint
        )
    raise Refusal((*path, reason), reason, f"no board here boots by '{reason}'", hint)


def _is_list(method: Any, name: str) -> bool:
    section = method.get(name) if isinstance(method, dict) else None
    return isinstance(section, dict) and bool(section.get("commands"))


def command_lines(lines: Any, path: tuple[str | int, ...], mac: str) -> list[str]:
    """Return the lines of a list of commands; raise `Refusal` for one without meaning here."""
    given = lines if isinstance(lines, list) else [lines]
    found = []
    for number, line in enumerate(given):
        at = (*path, number)
        if not isinstance(line, str):
            hint = "quote it: a colon and a blank make it a mapping"
            raise Refusal(at, "a line that is no text", f"line {number + 1} is no text", hint)
        text = line.replace("{LAVA_MAC}", mac) if mac else line
        unknown = sorted({*_WORD.findall(text)} - (WORDS - {"{LAVA_MAC}"}) - WORDS_WITHOUT_VALUE)
        if unknown:
            message = f"line {number + 1} has {', '.join(unknown)}, which has no value here"
            raise Refusal(at, unknown[0], message, "set deploy.tftp.commands")
        if text.strip():
            found.append(text.strip())
    return found


def literal_start(pattern: str) -> str:
    """Return the literal text with which every match of a regular expression begins."""
    text = ""
    rest = pattern
    while rest:
        if rest[0] == "\\" and len(rest) > 1 and not rest[1].isalnum():
            one, rest = rest[1], rest[2:]
        elif _SPECIAL.match(rest):
            if rest[0] in "?*{|":  # the character before may be missing
                return "" if rest[0] == "|" else text[:-1]
            return "" if "|" in rest else text
        else:
            one, rest = rest[0], rest[1:]
        text += one
    return text


def literal(pattern: str) -> str | None:
    """Return the only text that a regular expression matches; None if there are several."""
    text = literal_start(pattern)
    return text if re.fullmatch(_escaped(text), pattern) else None


def _escaped(text: str) -> str:
    """Return a pattern for the ways to write `text` as a regular expression."""
    return "".join(rf"\\?{re.escape(one)}" if not one.isalnum() else one for one in text)


def control_characters(names: Sequence[Any]) -> str:
    """Return the control characters of `interrupt_ctrl_list`: `c` is Ctrl-C."""
    return "".join(chr(ord(str(name)[:1].upper() or "@") & 0x1F) for name in names)


def drop_grub_menu(boot: dict[str, Any]) -> Iterator[str]:
    """Remove the keys of `boot` that GRUB does not use; yield a warning for an unusual value."""
    for key, usual in _GRUB_MENU.items():
        value = boot.pop(key, "")
        if value and value not in usual:
            yield (
                f"{value!r} does not count as boot.{key}: GRUB's menu and its prompt do, and the "
                "key 'c' opens the command line"
            )
