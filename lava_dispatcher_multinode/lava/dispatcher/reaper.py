"""Runs a command and leaves nothing of it behind. A program by itself: `reaper.py OFF COMMAND...`.

What LAVA's dispatcher starts (consoles, emulators, tools) often has a session
of its own, out of reach of a signal to a process group. So this is the reaper
of all its descendants, and kills what is left of them when the command ends.

If the command was killed, it has left its board on. OFF is a JSON list of the
command lines, without a shell, that switch it off. What comes of them is told
on standard error, as LAVA writes its log.

SIGTERM is passed on, once: a second one would stop LAVA from switching its board
off. SIGQUIT kills. Its exit code is the command's, as a shell would give it.
"""

from __future__ import annotations

import ctypes
import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
POWER_OFF_TIMEOUT_S = 30.0  # seconds for one command that switches a board off
MAX_OUTPUT_BYTES = 500  # bytes of what it prints, its last, that an error shows


def main(off: list[str], command: list[str]) -> int:
    """Run `command`; return its exit code once nothing of it is left, and its board is off."""
    parent = os.getppid()
    prctl = ctypes.CDLL(None).prctl
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    # If whoever started this is killed, the board must still be switched off. It comes more than
    # once then: the parent is a thread, and after it another one of that process.
    prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    process: subprocess.Popen[bytes] | None = None
    asked = os.getppid() != parent
    once = [signal.SIGTERM]

    def tell() -> None:
        if process is not None and asked:
            with suppress(IndexError):  # it has been told
                process.send_signal(once.pop())

    def passed_on(_number: int, _frame: object) -> None:
        nonlocal asked
        asked = True
        tell()

    def killed(_number: int, _frame: object) -> None:
        if process is not None:
            process.kill()

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, passed_on)
    signal.signal(signal.SIGQUIT, killed)
    if asked:
        return 128 + signal.SIGTERM
    process = subprocess.Popen(command)
    tell()  # what came while it was being started
    code = process.wait()
    kill_descendants()
    if code < 0 and off:
        write_log("warning", "LAVA's dispatcher was killed: switching the board off")
        for line in off:
            power_off(line)
        kill_descendants()
    return code if code >= 0 else 128 - code


def power_off(line: str) -> None:
    """Run one of LAVA's power-off commands, as it does."""
    try:
        words = shlex.split(line)
        with tempfile.TemporaryFile() as output:  # nobody may be left to read a pipe
            code = subprocess.run(
                words,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                timeout=POWER_OFF_TIMEOUT_S,
                check=False,
            ).returncode
            output.seek(max(0, output.tell() - MAX_OUTPUT_BYTES))
            said = output.read().decode("utf-8", "replace").strip()
        if code:
            write_log("error", f"NOT switched off: {words[0]} exited with {code}: {said}")
    except subprocess.TimeoutExpired:
        write_log(
            "error", f"NOT switched off: {words[0]} has not ended within {POWER_OFF_TIMEOUT_S:g} s"
        )
    except (OSError, ValueError, IndexError) as error:
        write_log("error", f"NOT switched off: {error}")


def write_log(level: str, text: str) -> None:
    """Write a line of the log, if somebody is there to read it."""
    with suppress(OSError):
        os.write(2, json.dumps({"lvl": level, "msg": text}).encode() + b"\n")


def kill_descendants() -> None:
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
    sys.exit(main(json.loads(Path(sys.argv[1]).read_text("utf-8")), sys.argv[2:]))
