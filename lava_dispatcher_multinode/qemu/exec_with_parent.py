"""Become another program that ends with the process, and the thread, that started this.

leash.py PARENT PROGRAM ARGUMENT...: run by its path, with nothing but the standard library.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    """Bind this process to its parent, whose pid is the first argument, and go on as the rest."""
    parent, program = int(arguments[0]), arguments[1:]
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        raise SystemExit("the dispatcher has gone already")  # and will not tell
    os.execvp(program[0], program)  # noqa: S606 - that is what this is for


if __name__ == "__main__":
    main(sys.argv[1:])
