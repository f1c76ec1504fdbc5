"""`lava-multinode console`: connect to a board's console, or view that of a run."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ..console.open import open_console
from ..errors import ConsoleError, ExitCode, PowerError
from ..polling import wait_readable
from .arguments import add_config_dir
from .exit_codes import print_stderr
from .manual_lock import SWITCHED, BoardHeld, find_device, locked, power_switch_of
from .raw_terminal import CHUNK_BYTES, LEAVE_KEY, raw_terminal, write_all

if TYPE_CHECKING:
    import argparse

    from ..console.transport import Transport
    from ..lab.device_model import Device

DESCRIPTION = "Connect this terminal to a board's console."
EPILOG = """\
examples:
  lava-multinode console panda01
  lava-multinode console panda01 --power cycle      show the boot from its first character

Ctrl-] leaves. If a run holds the board, its console is shown read-only.
"""
#: Between two reads of a growing file; not every file system reports changes.
POLL_INTERVAL_S = 0.1
TAIL_BYTES = 2000  # of the run's console, shown at first


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the verb."""
    parser.add_argument("board", metavar="BOARD")
    add_config_dir(parser)
    parser.add_argument(
        "--power", choices=tuple(SWITCHED), help="switch the power when the console is open"
    )


def run(args: argparse.Namespace) -> ExitCode:
    """Connect until Ctrl-] or the end of the input; return 3 if the power switch fails."""
    device = find_device(args.board, args.config_dir)
    try:
        with locked(device, "console"):
            return _connect(device, args.power)
    except BoardHeld as held:
        raw = console_of_run(held.holder.pid, device.name)
        if raw is None or args.power:
            raise
        print_stderr(f"{held}; its console, read-only; Ctrl-] leaves")
        with raw_terminal():
            follow(raw, held.holder.pid)
    return ExitCode.PASS


def _connect(device: Device, action: str | None) -> ExitCode:
    if device.connection.is_virtual:
        raise ConsoleError(f"{device.name}: is a virtual board: it has no console outside a run")
    switching = Switching(device, action) if action else None
    transport = open_console(
        device.connection,
        device.name,
        lambda text: print_stderr(f"{text}\r"),
        password=device.login.password,
    )
    try:
        print_stderr(f"{device.name}: connected; Ctrl-] leaves")
        with raw_terminal():
            if switching:
                switching.start()
            converse(transport)
    finally:
        transport.close()
        transport.release()
        if switching and switching.is_alive():
            print_stderr(f"{device.name}: waiting for its power switch")
            switching.join()
    failed = switching is not None and switching.failed
    return ExitCode.INFRASTRUCTURE if failed else ExitCode.PASS


class Switching(threading.Thread):
    """Switches the power while the console is shown, so that no output is lost."""

    def __init__(self, device: Device, action: str) -> None:
        super().__init__(name="power")
        self._device, self._action = device, action
        if device.power.manual:
            raise PowerError(f"{device.name}: the power is switched by hand; omit --power")
        self._switch = power_switch_of(device)
        self.failed = False

    def run(self) -> None:
        """Switch the power and report that on the terminal, which is in raw mode."""
        try:
            getattr(self._switch, self._action)()
        except PowerError as error:
            self.failed = True
            print_stderr(f"lava-multinode: {error}\r")
        else:
            print_stderr(f"{self._device.name}: switched {SWITCHED[self._action]}\r")


def converse(transport: Transport) -> None:
    """Connect the terminal and the board until Ctrl-] or the end of either."""
    ended, wake = os.pipe()
    failure: list[ConsoleError] = []

    def show() -> None:
        try:
            while data := transport.read():
                write_all(data)
        except ConsoleError as error:
            failure.append(error)
        finally:
            os.write(wake, b"x")

    reader = threading.Thread(target=show, daemon=True)
    reader.start()
    try:
        while True:
            if ended in wait_readable([0, ended]):
                break
            data = os.read(0, CHUNK_BYTES)
            typed, leave, _ = data.partition(LEAVE_KEY)
            if typed:
                transport.write(typed)
            if leave or not data:
                break
    finally:
        transport.close()
        reader.join()
        os.close(ended)
        os.close(wake)
    if failure:
        raise failure[0]


def console_of_run(pid: int, name: str) -> Path | None:
    """Return the console.raw of board `name` that the process `pid` has open, if any."""
    with suppress(OSError):
        for link in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                target = link.readlink()
                if target.parts[-3:] == ("nodes", name, "console.raw"):
                    return target
    return None


def follow(path: Path, pid: int) -> None:
    """Print what is appended to `path` while the process lives, until Ctrl-]."""
    with path.open("rb") as file:
        file.seek(max(path.stat().st_size - TAIL_BYTES, 0))
        inputs = [0]
        while True:
            alive = Path(f"/proc/{pid}").exists()
            while data := file.read(CHUNK_BYTES):
                write_all(data)
            if not alive:
                return
            if wait_readable(inputs, POLL_INTERVAL_S):
                typed = os.read(0, CHUNK_BYTES)
                if LEAVE_KEY in typed:
                    return
                if not typed:
                    inputs = []  # no key can leave: follow to the end of the run
