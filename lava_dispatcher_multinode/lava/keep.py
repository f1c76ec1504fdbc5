"""Runs a command and leaves nothing of it behind. A program by itself: `keep.py COMMAND...`.

What LAVA's dispatcher starts (consoles, emulators, tools) often has a session
of its own, out of reach of a signal to a process group. So this is the reaper
of all its descendants, and kills what is left of them when the command ends.

SIGTERM is passed on, once: a second one would stop LAVA from switching its board
off. SIGQUIT kills. Its exit code is the command's, as a shell would give it.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from pathlib import Path

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36


def main(command: list[str]) -> int:
    """Run `command`; return its exit code once nothing of it is left."""
    parent = os.getppid()
    prctl = ctypes.CDLL(None).prctl
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    # If whoever started this is killed, the board must still be switched off. It comes more than
    # once then: the parent is a thread, and after it another one of that process.
    prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    process: subprocess.Popen[bytes] | None = None
    asked = os.getppid() != parent

    def passed_on(_number: int, _frame: object) -> None:
        nonlocal asked
        if process is not None and not asked:
            process.send_signal(signal.SIGTERM)
        asked = True

    def killed(_number: int, _frame: object) -> None:
        if process is not None:
            process.kill()

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, passed_on)
    signal.signal(signal.SIGQUIT, killed)
    if asked:
        return 128 + signal.SIGTERM
    process = subprocess.Popen(command)
    code = process.wait()
    sweep()
    return code if code >= 0 else 128 - code


def sweep() -> None:
    """Kill and reap all descendants: the orphans among them are our children."""
    while True:
        for pid in children():
            os.kill(pid, signal.SIGKILL)  # a child: its number is not used again before we wait
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def children() -> list[int]:
    """Return the process IDs of this process's children."""
    return [int(pid) for pid in Path("/proc/thread-self/children").read_text().split()]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
