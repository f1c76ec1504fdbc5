"""Where both commands begin: little enough that a Ctrl-C finds it ready."""

from __future__ import annotations

import sys

INTERRUPTED = 130  # ExitCode.INTERRUPTED, which would have to be imported


def dispatch() -> int:
    """Be lava-dispatch; return the exit code."""
    try:
        from ..run.interrupts import ignore_signals
        from .dispatch import main

        code = main()
    except KeyboardInterrupt:
        return _interrupted("lava-dispatch")
    else:
        ignore_signals()  # Python would die of it now, and with it the exit code
        return code


def multinode() -> int:
    """Be lava-multinode; return the exit code."""
    try:
        from .lava_multinode import main

        return main()
    except KeyboardInterrupt:
        return _interrupted("lava-multinode")


def _interrupted(program: str) -> int:
    sys.stderr.write(f"{program}: interrupted\n")
    return INTERRUPTED
