"""Runs a command and kills all its descendants when it ends: `reaper.py OFF COMMAND...`.

A program of its own. Child processes of LAVA's dispatcher (consoles, emulators, tools) often have
their own session, beyond the reach of a signal to the process group. So this process is the
subreaper of all descendants.

If the command is killed, it leaves its device powered. OFF is a JSON list of the command lines,
without a shell, that switch the device off. The result is written to standard error in the format
of LAVA's log.

SIGTERM is forwarded once: a second one would keep LAVA from switching the device off. SIGQUIT
kills the command. The exit code is the command's, as in a shell.
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
POWER_OFF_TIMEOUT_S = 30.0  # per power-off command
MAX_OUTPUT_BYTES = 500  # the last bytes of its output, for the error message


def main(off: list[str], command: list[str]) -> int:
    """Run `command`; return its exit code once all its processes have ended and OFF is done."""
    parent = os.getppid()
    prctl = ctypes.CDLL(None).prctl
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    # If the parent is killed, the device must still be switched off. The signal may come twice:
    # the parent is a thread, and after its end another thread of that process.
    prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    process: subprocess.Popen[bytes] | None = None
    terminating = os.getppid() != parent
    pending = [signal.SIGTERM]

    def forward_signal() -> None:
        if process is not None and terminating:
            with suppress(IndexError):  # the signal has been sent
                process.send_signal(pending.pop())

    def on_terminate(_number: int, _frame: object) -> None:
        nonlocal terminating
        terminating = True
        forward_signal()

    def on_kill(_number: int, _frame: object) -> None:
        if process is not None:
            process.kill()

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, on_terminate)
    signal.signal(signal.SIGQUIT, on_kill)
    if terminating:
        return 128 + signal.SIGTERM
    process = subprocess.Popen(command)
    forward_signal()  # a signal that came during the start
    code = process.wait()
    kill_descendants()
    if code < 0 and off:
        write_log("warning", "LAVA's dispatcher was killed: switching the board off")
        for line in off:
            power_off(line)
        kill_descendants()
    return code if code >= 0 else 128 - code


def power_off(line: str) -> None:
    """Run one of LAVA's power-off commands as LAVA does."""
    try:
        words = shlex.split(line)
        with tempfile.TemporaryFile() as output:  # a pipe may have no reader any more
            code = subprocess.run(
                words,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                timeout=POWER_OFF_TIMEOUT_S,
                check=False,
            ).returncode
            output.seek(max(0, output.tell() - MAX_OUTPUT_BYTES))
            printed = output.read().decode("utf-8", "replace").strip()
        if code:
            write_log("error", f"NOT switched off: {words[0]} exited with {code}: {printed}")
    except subprocess.TimeoutExpired:
        write_log(
            "error",
            f"NOT switched off: {words[0]} did not finish within {POWER_OFF_TIMEOUT_S:g} s",
        )
    except (OSError, ValueError, IndexError) as error:
        write_log("error", f"NOT switched off: {error}")


def write_log(level: str, text: str) -> None:
    """Write a log line; ignore a closed standard error."""
    with suppress(OSError):
        os.write(2, json.dumps({"lvl": level, "msg": text}).encode() + b"\n")


def kill_descendants() -> None:
    """Kill and reap all descendants; orphans among them become children of this process."""
    while True:
        for pid in children():
            os.kill(pid, signal.SIGKILL)  # a child: its ID is not reused before waitpid
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def children() -> list[int]:
    """Return the process IDs of this process's children."""
    return [int(pid) for pid in Path("/proc/thread-self/children").read_text().split()]


if __name__ == "__main__":
    sys.exit(main(json.loads(Path(sys.argv[1]).read_text("utf-8")), sys.argv[2:]))
