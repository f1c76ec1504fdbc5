"""`lava-multinode console`: a board's console by hand, or a look at that of a run."""

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
  lava-multinode console panda01 --power cycle      see it boot, from the first character

Ctrl-] leaves. While a run holds the board, its console can be seen, not typed at.
"""
#: Seconds between two looks at a file that grows: there is no event that says so everywhere.
POLL_INTERVAL_S = 0.1
TAIL_BYTES = 2000  # bytes of the run's console shown at first


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the verb takes."""
    parser.add_argument("board", metavar="BOARD")
    add_config_dir(parser)
    parser.add_argument(
        "--power", choices=tuple(SWITCHED), help="switch the board once its console is open"
    )


def run(args: argparse.Namespace) -> ExitCode:
    """Connect, until Ctrl-] or the end of the input; 3 if the console or the switch fails."""
    device = find_device(args.board, args.config_dir)
    try:
        with locked(device, "console by hand"):
            return _take(device, args.power)
    except BoardHeld as held:
        raw = console_of_run(held.holder.pid, device.name)
        if raw is None or args.power:
            raise
        print_stderr(f"{held}: its console, to look at only; Ctrl-] leaves")
        with raw_terminal():
            follow(raw, held.holder.pid)
    return ExitCode.PASS


def _take(device: Device, action: str | None) -> ExitCode:
    if device.connection.is_virtual:
        raise ConsoleError(f"{device.name}: is a virtual board: it has no console outside a run")
    switching = Switching(device, action) if action else None
    transport = open_console(
        device.connection, device.name, lambda text: print_stderr(f"{text}\r")
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
    """Switches a board while its console is looked at; nothing that it prints is lost."""

    def __init__(self, device: Device, action: str) -> None:
        super().__init__(name="power")
        self._device, self._action = device, action
        if device.power.manual:
            raise PowerError(f"{device.name}: you are its switch yourself: leave --power out")
        self._switch = power_switch_of(device)
        self.failed = False

    def run(self) -> None:
        """Switch, and say so on the terminal, which is raw."""
        try:
            getattr(self._switch, self._action)()
        except PowerError as error:
            self.failed = True
            print_stderr(f"lava-multinode: {error}\r")
        else:
            print_stderr(f"{self._device.name}: switched {SWITCHED[self._action]}\r")


def converse(transport: Transport) -> None:
    """Copy the terminal to the board and back, until Ctrl-] or an end."""
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
    """Return the file to which the process `pid` writes the console of board `name`, if any."""
    with suppress(OSError):
        for link in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                target = link.readlink()
                if target.parts[-3:] == ("nodes", name, "console.raw"):
                    return target
    return None


def follow(path: Path, pid: int) -> None:
    """Show what is added to `path` while the process lives, until Ctrl-]."""
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
                    inputs = []  # nobody to leave: to the run's end
