"""Entry points of both commands; small, so that Ctrl-C during imports is handled."""

from __future__ import annotations

import sys

INTERRUPTED = 130  # ExitCode.INTERRUPTED, without its import


def dispatch() -> int:
    """Run lava-dispatch; return the exit code."""
    try:
        from ..run.interrupts import ignore_signals
        from .dispatch import main

        code = main()
    except KeyboardInterrupt:
        return _interrupted("lava-dispatch")
    else:
        ignore_signals()  # a signal now would replace the exit code
        return code


def multinode() -> int:
    """Run lava-multinode; return the exit code."""
    try:
        from .lava_multinode import main

        return main()
    except KeyboardInterrupt:
        return _interrupted("lava-multinode")


def _interrupted(program: str) -> int:
    sys.stderr.write(f"{program}: interrupted\n")
    return INTERRUPTED
