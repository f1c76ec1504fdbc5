"""The command with which a board fetches a URL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import DeployError

if TYPE_CHECKING:
    from .shell import Shell

#: Shell commands that fetch {url} to {file} ('-': standard output), by program. They bypass
#: proxies, since the dispatcher is near, and use options that BusyBox has.
PROGRAMS = {
    "wget": "env http_proxy= wget -q -O {file} {url}",
    "curl": "curl -fsS --noproxy '*' -o {file} {url}",
}


def fetch_command(shell: Shell) -> str:
    """Return the command of the first program that the board has; `DeployError` without one."""
    for program, command in PROGRAMS.items():
        if shell.has(program):
            return command
    raise DeployError(f"the board has neither {' nor '.join(PROGRAMS)}")
