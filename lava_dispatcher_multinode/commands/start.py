"""Where both commands begin: little enough that a Ctrl-C finds it ready."""

from __future__ import annotations

import sys

INTERRUPTED = 130  # ExitCode.INTERRUPTED, which would have to be imported


def dispatch() -> int:
    """Be lava-dispatch; return the exit code."""
    try:
        from .dispatch import main

        return main()
    except KeyboardInterrupt:
        return _interrupted("lava-dispatch")


def multinode() -> int:
    """Be lava-multinode; return the exit code."""
    try:
        from .multinode import main

        return main()
    except KeyboardInterrupt:
        return _interrupted("lava-multinode")


def _interrupted(program: str) -> int:
    sys.stderr.write(f"{program}: interrupted\n")
    return INTERRUPTED
