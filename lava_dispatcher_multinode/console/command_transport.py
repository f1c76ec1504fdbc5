"""A console that is a command's terminal: ssh, conserver, telnet, anything."""

from __future__ import annotations

import os
import signal
import subprocess
import tty
from contextlib import suppress

from ..errors import ConsoleError
from ..redaction import program
from .transport import DescriptorTransport

EXIT_TIMEOUT_S = 1.0  # seconds that a console command has to end by itself
# A session's first process that opens a terminal gets it as its controlling
# one: the command is then told by a hang-up when the console is closed.
WITH_TERMINAL = 'exec <>"$0" >&0 2>&1; eval "$1"'
HINT = "the command has ended"


def open_command(command: str, device: str) -> DescriptorTransport:
    """Run the shell command on a pty of its own; its terminal is the console."""
    master, slave = os.openpty()
    try:
        tty.setraw(slave)  # what the command prints arrives byte for byte
        process = subprocess.Popen(
            ["/bin/sh", "-c", WITH_TERMINAL, os.ttyname(slave), command],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
    except OSError as error:
        os.close(master)
        raise ConsoleError(
            f"{device}: cannot start '{program(command)}': {error.strerror}"
        ) from error
    finally:
        os.close(slave)
    return DescriptorTransport(
        master,
        f"{device}: console command '{program(command)}'",
        hint=HINT,
        on_close=lambda: _end(process),
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    """Wait for a command that was told by its terminal's hang-up; end it if it stays."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(subprocess.TimeoutExpired):
            process.wait(EXIT_TIMEOUT_S)
            return
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
    process.wait()
