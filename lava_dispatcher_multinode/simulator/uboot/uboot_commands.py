"""The commands of the simulated U-Boot 2012.10, with U-Boot's own messages."""

from __future__ import annotations

import operator
import re
from typing import TYPE_CHECKING

from ..faults import Reset
from .boot_commands import bootm, bootz
from .dialogue import CommandFailed
from .mmc_commands import fatload, fatls, mmc

if TYPE_CHECKING:
    from collections.abc import Callable

    from .dialogue import Command, SimulatedUBoot


def _setenv(uboot: SimulatedUBoot, words: list[str]) -> int:
    """`setenv NAME [WORD ...]`: set a variable; without a word, remove it."""
    if len(words) < 2:
        raise CommandFailed("Usage:\nsetenv name [value ...]\n")
    if "=" in words[1]:
        raise CommandFailed(f"## Error: illegal character '=' in variable name \"{words[1]}\"\n")
    value = " ".join(words[2:])
    if words[1] in _ADDRESSES and value and not _MAC.fullmatch(value):
        raise CommandFailed(
            f'## Error: flags type check failure for "{words[1]}" <= "{value}" (type: m)\n'
            f'## Error inserting "{words[1]}" variable, errno=1\n'
        )
    if len(words) == 2:
        uboot.environment.pop(words[1], None)
    else:
        uboot.environment[words[1]] = value
    return 0


def _printenv(uboot: SimulatedUBoot, words: list[str]) -> int:
    """`printenv [NAME ...]`: print the given variables, or all of them."""
    status = 0
    for name in words[1:]:
        if name in uboot.environment:
            uboot.serial.write_text(f"{name}={uboot.environment[name]}\n")
        else:
            uboot.serial.write_text(f'## Error: "{name}" not defined\n')
            status = 1
    if len(words) == 1:
        lines = [f"{name}={value}\n" for name, value in sorted(uboot.environment.items())]
        size = sum(map(len, lines))
        uboot.serial.write_text("".join(lines) + f"\nEnvironment size: {size}/131068 bytes\n")
    return status


def _saveenv(uboot: SimulatedUBoot, words: list[str]) -> int:
    """`saveenv`: keep the environment over a reset, on a board with storage for it."""
    if not uboot.firmware.saves_env:
        raise CommandFailed(f"Unknown command '{words[0]}' - try 'help'\n")
    uboot.serial.write_text(
        "Saving Environment to NAND...\nErasing Nand...\nWriting to Nand... done\n"
    )
    uboot.saved = dict(uboot.environment)
    return 0


def _run(uboot: SimulatedUBoot, words: list[str]) -> int:
    """`run NAME ...`: execute the commands in variables."""
    if len(words) < 2:
        raise CommandFailed("Usage:\nrun var [...]\n")
    for name in words[1:]:
        if name not in uboot.environment:
            raise CommandFailed(f'## Error: "{name}" not defined\n')
        if status := uboot.execute(uboot.environment[name]):
            return status
    return 0


def _boot(uboot: SimulatedUBoot, words: list[str]) -> int:
    del words
    return _run(uboot, ["run", "bootcmd"])


def _echo(uboot: SimulatedUBoot, words: list[str]) -> int:
    uboot.serial.write_text(" ".join(words[1:]) + "\n")
    return 0


def _reset(uboot: SimulatedUBoot, words: list[str]) -> int:
    del words
    uboot.serial.write_text("resetting ...\n")
    raise Reset


def _fail_without_network(uboot: SimulatedUBoot, words: list[str]) -> int:
    del uboot, words
    raise CommandFailed("No ethernet found.\n")


def _env(uboot: SimulatedUBoot, words: list[str]) -> int:
    """`env exists|import|print|run|save|set`: other names of commands; no import succeeds."""
    action, rest = (words[1], words[2:]) if len(words) > 1 else ("", [])
    if action == "exists" and rest:
        return 0 if rest[0] in uboot.environment else 1
    if action == "import" and rest:
        raise CommandFailed("## Error: bad CRC, import failed\n")
    if action not in _ENV:
        raise CommandFailed("Usage:\nenv exists|import|print|run|save|set [arg ...]\n")
    return _ENV[action](uboot, [words[0], *rest])


def _number(text: str) -> int:
    """Return the number at the start of `text`, as simple_strtol does; 0 without one."""
    found = re.match(r"0[xX]([0-9A-Fa-f]+)|(-?\d+)", text)
    return 0 if found is None else int(found[1], 16) if found[1] else int(found[2])


def _test(uboot: SimulatedUBoot, words: list[str]) -> int:
    """`test EXPRESSION`: strings, numbers, !, -a and -o, from left to right."""
    del uboot
    rest = words[1:]
    truth, joint = False, "-o"
    if len(rest) < 2:
        return 1
    while rest:
        negated = rest[0] == "!"
        rest = rest[negated:]
        if rest[0:1] == ["-n"] or rest[0:1] == ["-z"]:
            if len(rest) < 2:
                return 1
            found, rest = (rest[1] != "") is (rest[0] == "-n"), rest[2:]
        elif len(rest) > 2 and rest[1] in _COMPARISONS:
            found, rest = _COMPARISONS[rest[1]](rest[0], rest[2]), rest[3:]
        elif len(rest) > 2 and rest[1] in _ORDERS:
            found, rest = _ORDERS[rest[1]](_number(rest[0]), _number(rest[2])), rest[3:]
        else:
            return 1
        found = found is not negated
        truth = (truth and found) if joint == "-a" else (truth or found)
        if rest:
            joint, rest = rest[0], rest[1:]
            if joint not in {"-a", "-o"}:
                return 1
    return 0 if truth else 1


def _return_truth(uboot: SimulatedUBoot, words: list[str]) -> int:
    del uboot
    return 0 if words[0] == "true" else 1


_ADDRESSES = frozenset({"ethaddr", "eth1addr"})
_MAC = re.compile(r"(?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}")
_ENV: dict[str, Command] = {"print": _printenv, "run": _run, "save": _saveenv, "set": _setenv}
_COMPARISONS: dict[str, Callable[[str, str], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
}
_ORDERS: dict[str, Callable[[int, int], bool]] = {
    "-eq": operator.eq,
    "-ne": operator.ne,
    "-lt": operator.lt,
    "-le": operator.le,
    "-gt": operator.gt,
    "-ge": operator.ge,
}
COMMANDS: dict[str, Command] = {
    "boot": _boot,
    "bootd": _boot,
    "bootm": bootm,
    "bootz": bootz,
    "dhcp": _fail_without_network,
    "echo": _echo,
    "env": _env,
    "false": _return_truth,
    "fatload": fatload,
    "fatls": fatls,
    "load": fatload,
    "mmc": mmc,
    "printenv": _printenv,
    "reset": _reset,
    "run": _run,
    "saveenv": _saveenv,
    "setenv": _setenv,
    "test": _test,
    "tftp": _fail_without_network,
    "tftpboot": _fail_without_network,
    "true": _return_truth,
}
