"""The one place where an exception becomes an exit code and what the user is told."""

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
    """Run `command`; return the process's exit code, having told of any failure on stderr."""
    try:
        return _guarded(program, command)
    finally:
        # A terminal that was closed takes nothing more; Python would exit with 120 for it.
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except OSError:
                _forget(stream)


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
        # A verb's data, `... | head`: nobody reads any more.
        discard_output()
        return int(ExitCode.PASS)
    except Exception as error:  # noqa: BLE001 - whatever else it is, it is a bug of ours
        from ..run.host_errors import host_failure

        if (host := host_failure(error)) is not None:
            print_stderr(f"{program}: {host}")
            return int(host.exit_code)
        log = _log_of(error)
        print_stderr(
            f"{program}: this is a bug: {type(error).__name__}: {error}\n"
            f"    The log {log} has what a report needs; look it over for secrets first."
        )
        return int(ExitCode.BUG)


def ensure_streams() -> None:
    """Make up for standard streams that the caller has closed: what is said goes nowhere."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            # For the rest of the process's life.
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115


def discard_output() -> None:
    """Let standard output go nowhere: Python would complain again at exit."""
    _forget(sys.stdout)


def _forget(stream: TextIO) -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def print_stderr(text: str) -> None:
    """Tell whoever sits there, on standard error."""
    with suppress(OSError):  # the terminal was closed: nobody is left to be told
        print(text, file=sys.stderr)  # noqa: T201


def _log_of(error: BaseException) -> Path:
    descriptor, name = tempfile.mkstemp(prefix="lava-dispatch-bug-", suffix=".log")
    with open(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
        file.write(
            f"lava-dispatcher-multinode {__version__}, Python {platform.python_version()}, "
            f"{platform.platform()}\n\n"
        )
        traceback.print_exception(error, file=file)
    return Path(name)
