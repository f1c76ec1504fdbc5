"""A console through the terminal of a command, such as ssh, conserver or telnet."""

from __future__ import annotations

import os
import signal
import subprocess
import tty
from contextlib import suppress
from typing import TYPE_CHECKING

from ..errors import ConsoleError
from ..redaction import program
from .transport import DescriptorTransport

if TYPE_CHECKING:
    from collections.abc import Mapping

EXIT_TIMEOUT_S = 1.0  # after a hang-up or a signal
# The first process of a session that opens a terminal gets it as its controlling one: so the
# command receives SIGHUP when the console is closed.
WITH_TERMINAL = 'exec <>"$0" >&0 2>&1; eval "$1"'
HINT = "the command has ended"


def open_command(
    command: str,
    device: str,
    *,
    name: str = "",
    environment: Mapping[str, str] | None = None,
    raw: bool = True,
) -> DescriptorTransport:
    """Run a shell command on a pty, which is the console; `name` is for messages.

    `raw`: not for a command that sets the mode by itself and passes on the earlier one.
    """
    name = name or f"{device}: console command '{program(command)}'"
    master, slave = os.openpty()
    try:
        if raw:
            tty.setraw(slave)  # the output arrives unchanged
        process = subprocess.Popen(
            ["/bin/sh", "-c", WITH_TERMINAL, os.ttyname(slave), command],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            env=environment,
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
        name,
        hint=HINT,
        on_close=lambda: _end(process),
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    """Wait for a command after the hang-up of its terminal; terminate it if it remains."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(subprocess.TimeoutExpired):
            process.wait(EXIT_TIMEOUT_S)
            return
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
    process.wait()
