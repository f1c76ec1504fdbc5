"""The scripts made of a definition: install.sh and run.sh, POSIX sh."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .environment import quote

if TYPE_CHECKING:
    from .load import Definition


def install_script(definition: Definition, directory: str) -> str | None:
    """Return what prepares the board in `directory`; None if there is nothing to do."""
    test = definition.test
    if not test.dependencies and not test.install_steps:
        return None
    lines = _start(definition, directory)
    if test.dependencies:
        lines.append("lava-install-packages " + " ".join(quote(d) for d in test.dependencies))
    return _script([*lines, *test.install_steps])


def run_script(definition: Definition, directory: str, run: str) -> str:
    """Return what runs the steps in `directory`, between the signals of `run`."""
    lines = [
        *_start(definition, directory),
        f"export TESTRUN_ID={quote(run)}",
        "read -r UUID <uuid",
        'echo "<LAVA_SIGNAL_STARTRUN $TESTRUN_ID $UUID>"',
        *definition.test.steps,
        'echo "<LAVA_SIGNAL_ENDRUN $TESTRUN_ID $UUID>"',
    ]
    return _script(lines)


def _start(definition: Definition, directory: str) -> list[str]:
    """Return the parameters, then the way to the files; a failing step ends the script."""
    parameters = [f"{name}={quote(value)}" for name, value in definition.parameters.items()]
    return ["set -e", *parameters, f"cd {quote(directory)}"]


def _script(lines: list[str]) -> str:
    return "\n".join(["#!/bin/sh", *lines]) + "\n"
