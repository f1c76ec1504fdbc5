"""Runs shell commands of a device file on this host: power switches, SD-muxes."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from contextlib import suppress

MAX_OUTPUT_BYTES = 500  # of the end of a command's output, in its error


class HostCommandFailed(Exception):
    """A command that did not exit with 0 in time; `str` completes "COMMAND ..."."""


def run_command(command: str, timeout: float, key: str = "") -> None:
    """Run `command`; raise `HostCommandFailed` for an exit code or after `timeout` seconds.

    `key` is the key of the timeout, for the error. The command has a session of its own: a
    timeout ends its descendants, too, and a Ctrl-C for the dispatcher does not interrupt it.
    Its output goes to a file, since a daemon that it starts would keep a pipe open.
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
            raise HostCommandFailed(f"has not ended within {timeout:g} s{where}") from None
        finally:
            if process.poll() is None:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        if code:
            output.seek(max(0, output.seek(0, os.SEEK_END) - MAX_OUTPUT_BYTES))
            text = output.read().decode("utf-8", "backslashreplace").strip()
            raise HostCommandFailed(f"exited with {code}" + (f": {text}" if text else ""))
