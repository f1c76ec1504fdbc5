"""U-Boot's variables: set, printed, kept, executed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .uboot_usage import usage

if TYPE_CHECKING:
    from .dialogue import UBoot


def setenv(board: UBoot, words: list[str]) -> int:
    """`setenv NAME [WORD ...]`: set a variable; no word: remove it."""
    if len(words) < 2:
        return usage(board, words)
    if "=" in words[1]:
        board.wire.text(f"## Error: illegal character '=' in variable name \"{words[1]}\"\n")
        return 1
    if len(words) == 2:
        board.environment.pop(words[1], None)
    else:
        board.environment[words[1]] = " ".join(words[2:])
    return 0


def printenv(board: UBoot, words: list[str]) -> int:
    """`printenv [NAME ...]`: print variables, or all of them."""
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


def saveenv(board: UBoot, words: list[str]) -> int:
    """`saveenv`: keep the environment over a reset, where the board has a place for it."""
    if not board.model.saves_env:
        board.wire.text(f"Unknown command '{words[0]}' - try 'help'\n")
        return 1
    board.wire.text("Saving Environment to NAND...\nErasing Nand...\nWriting to Nand... done\n")
    board.saved = dict(board.environment)
    return 0


def run(board: UBoot, words: list[str]) -> int:
    """`run NAME ...`: execute the commands in variables."""
    if len(words) < 2:
        return usage(board, words)
    for name in words[1:]:
        if name not in board.environment:
            board.wire.text(f'## Error: "{name}" not defined\n')
            return 1
        if status := board.execute(board.environment[name]):
            return status
    return 0


def boot(board: UBoot, words: list[str]) -> int:
    """`boot`: execute what the board boots by itself."""
    del words
    return run(board, ["run", "bootcmd"])
