"""Generation of a definition's scripts: install.sh and run.sh, POSIX sh."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .environment import quote

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .load import Definition


def install_script(definition: Definition) -> str | None:
    """Return the script that prepares the board; None if there is nothing to install."""
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
    return _script([*_start(definition), *lines]) if lines else None


def _command(name: str, words: Sequence[str]) -> list[str]:
    return [" ".join([name, *map(quote, words)])] if words else []


def run_script(definition: Definition, run: str) -> str:
    """Return the script that runs the steps; lava-test-runner reports its start and end."""
    steps = definition.test.steps
    lines = [*_start(definition), f"export TESTRUN_ID={quote(run)}", "read -r UUID <uuid"]
    if words := definition.test.fixupdict:  # for lava-test-case
        lines.append(f"export LAVA_RESULT_WORDS={quote(chr(10).join(words))}")
    lines += steps
    # An `exit` before the last step must not count as the end.
    if steps and not re.search(r"\b(exit|exec)\b", steps[-1]):
        lines[1:1] = [': >"$0.unfinished"']
        lines.append('rm -f "$0.unfinished"')
    return _script(lines)


def _start(definition: Definition) -> list[str]:
    """Return the start of a script: the parameters and the change to its directory.

    A failing step ends the script. It contains no absolute path: not every board
    has the overlay at its root.
    """
    parameters = [f"{name}={quote(value)}" for name, value in definition.parameters.items()]
    return ["set -e", *parameters, 'cd "$(dirname "$0")"']


def _script(lines: list[str]) -> str:
    return "\n".join(["#!/bin/sh", *lines]) + "\n"
