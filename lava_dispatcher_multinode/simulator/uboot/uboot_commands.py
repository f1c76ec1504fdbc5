"""The commands of the simulated U-Boot 2012.10, with U-Boot's own messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..faults import Reset
from .boot_commands import bootm, bootz
from .dialogue import CommandFailed
from .mmc_commands import fatload, fatls, mmc

if TYPE_CHECKING:
    from .dialogue import Command, SimulatedUBoot


def _setenv(uboot: SimulatedUBoot, words: list[str]) -> int:
    """`setenv NAME [WORD ...]`: set a variable; without a word, remove it."""
    if len(words) < 2:
        raise CommandFailed("Usage:\nsetenv name [value ...]\n")
    if "=" in words[1]:
        raise CommandFailed(f"## Error: illegal character '=' in variable name \"{words[1]}\"\n")
    if len(words) == 2:
        uboot.environment.pop(words[1], None)
    else:
        uboot.environment[words[1]] = " ".join(words[2:])
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


def _return_truth(uboot: SimulatedUBoot, words: list[str]) -> int:
    del uboot
    return 0 if words[0] == "true" else 1


COMMANDS: dict[str, Command] = {
    "boot": _boot,
    "bootd": _boot,
    "bootm": bootm,
    "bootz": bootz,
    "dhcp": _fail_without_network,
    "echo": _echo,
    "false": _return_truth,
    "fatload": fatload,
    "fatls": fatls,
    "mmc": mmc,
    "printenv": _printenv,
    "reset": _reset,
    "run": _run,
    "saveenv": _saveenv,
    "setenv": _setenv,
    "tftp": _fail_without_network,
    "tftpboot": _fail_without_network,
    "true": _return_truth,
}
