"""How a board fetches a URL, with what it has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import DeployError

if TYPE_CHECKING:
    from .shell import Shell

#: Shell commands that fetch {url} to {file}, '-' being the standard output, by program. The
#: dispatcher is near: no proxy. BusyBox knows few options.
PROGRAMS = {
    "wget": "env http_proxy= wget -q -O {file} {url}",
    "curl": "curl -fsS --noproxy '*' -o {file} {url}",
}


def fetch_command(shell: Shell) -> str:
    """Return the one of `PROGRAMS` that the board has; `DeployError` if it has none."""
    for program, command in PROGRAMS.items():
        if shell.has(program):
            return command
    raise DeployError(f"the board has neither {' nor '.join(PROGRAMS)}")
