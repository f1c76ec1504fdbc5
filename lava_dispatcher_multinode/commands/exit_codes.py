"""Exit codes and messages of the commands, for every exception."""

from __future__ import annotations

import os
import platform
import sys
import tempfile
import traceback
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from .. import __version__
from ..errors import ExitCode, MultinodeError

if TYPE_CHECKING:
    from collections.abc import Callable


def run_guarded(program: str, command: Callable[[], ExitCode]) -> int:
    """Run `command`; report failures on stderr and return the exit code."""
    try:
        return _guarded(program, command)
    finally:
        # Python exits with 120 if it cannot flush to a closed terminal.
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except OSError:
                _discard(stream)


def _guarded(program: str, command: Callable[[], ExitCode]) -> int:
    try:
        return int(command())
    except MultinodeError as error:
        print_stderr(
            f"{program}: {error}" if error.exit_code is not ExitCode.INVALID else str(error)
        )
        return int(error.exit_code)
    except KeyboardInterrupt:
        print_stderr(f"{program}: interrupted")
        return int(ExitCode.INTERRUPTED)
    except BrokenPipeError:
        # The reader of a verb's output has ended, as in `... | head`.
        discard_output()
        return int(ExitCode.PASS)
    except Exception as error:  # noqa: BLE001 - anything else is a bug
        from ..run.host_errors import host_failure

        if (host := host_failure(error)) is not None:
            print_stderr(f"{program}: {host}")
            return int(host.exit_code)
        log = _write_log(error)
        print_stderr(
            f"{program}: bug: {type(error).__name__}: {error}\n"
            f"    Attach {log} to a bug report; check it for secrets first."
        )
        return int(ExitCode.BUG)


def ensure_streams() -> None:
    """Replace standard streams that the caller has closed by /dev/null."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            # Open until the process ends.
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115


def discard_output() -> None:
    """Redirect standard output to /dev/null, so that the flush at exit succeeds."""
    _discard(sys.stdout)


def _discard(stream: TextIO) -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def print_stderr(text: str) -> None:
    """Print a message on standard error; ignore a closed terminal."""
    with suppress(OSError):  # the terminal was closed
        print(text, file=sys.stderr)  # noqa: T201


def _write_log(error: BaseException) -> Path:
    descriptor, name = tempfile.mkstemp(prefix="lava-dispatch-bug-", suffix=".log")
    with open(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
        file.write(
            f"lava-dispatcher-multinode {__version__}, Python {platform.python_version()}, "
            f"{platform.platform()}\n\n"
        )
        traceback.print_exception(error, file=file)
    return Path(name)
