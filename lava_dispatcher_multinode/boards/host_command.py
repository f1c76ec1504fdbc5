"""Shell commands of a device file on this host: switches, SD-muxes."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from contextlib import suppress
from dataclasses import dataclass

OUTPUT = 500  # bytes of a command's output, its last, that an error shows


@dataclass(frozen=True)
class Failed(Exception):
    """A command that did not exit with 0 in time; `str` is the end of a sentence."""

    reason: str

    def __str__(self) -> str:
        return self.reason


def run_command(command: str, timeout: float, key: str = "") -> None:
    """Run `command` to its end; raise `Failed`. `key` is where `timeout`, in seconds, is set.

    It has a session of its own: a time-out ends all that it started, and a
    Ctrl-C meant for the dispatcher does not cut it short. What it prints goes
    to a file, since a daemon that it leaves behind would hold a pipe open.
    """
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            ["/bin/sh", "-c", command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        try:
            code = process.wait(timeout)
        except subprocess.TimeoutExpired:
            where = f" ({key})" if key else ""
            raise Failed(f"has not ended within {timeout:g} s{where}") from None
        finally:
            if process.poll() is None:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        if code:
            output.seek(max(0, output.seek(0, os.SEEK_END) - OUTPUT))
            text = output.read().decode("utf-8", "backslashreplace").strip()
            raise Failed(f"exited with {code}" + (f": {text}" if text else ""))
