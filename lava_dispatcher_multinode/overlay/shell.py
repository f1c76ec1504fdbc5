"""The scripts made of a definition: install.sh and run.sh, POSIX sh."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .environment import quote

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .load import Definition


def install_script(definition: Definition, directory: str) -> str | None:
    """Return what prepares the board in `directory`; None if there is nothing to do."""
    test = definition.test
    lines = [
        *_command("lava-add-keys", test.keys),
        *_command("lava-add-sources", test.sources),
        *_command("lava-install-packages", test.dependencies),
    ]
    for distribution, packages in test.distribution_dependencies.items():
        if packages:
            (install,) = _command("lava-install-packages", packages)
            this = '"$(. /etc/os-release 2>/dev/null; echo "$ID")"'
            lines.append(f"[ {this} != {quote(distribution)} ] || {install}")
    lines += test.install_steps
    return _script([*_start(definition, directory), *lines]) if lines else None


def _command(name: str, words: Sequence[str]) -> list[str]:
    return [" ".join([name, *map(quote, words)])] if words else []


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
