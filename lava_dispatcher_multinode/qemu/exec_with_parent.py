"""A program that executes another one, which the kernel kills when its parent thread ends.

usage: exec_with_parent.py PARENT PROGRAM ARGUMENT...

It is run by path, with the standard library alone. PARENT is a process ID.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    """Request SIGKILL at the end of the parent, then execute the program."""
    parent, program = int(arguments[0]), arguments[1:]
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        raise SystemExit("the parent has ended already")  # so the signal will not come
    os.execvp(program[0], program)  # noqa: S606 - the purpose of this program


if __name__ == "__main__":
    main(sys.argv[1:])
