"""What may be wrong with a host as a place for boards: findings, each with what to do."""

from __future__ import annotations

import os
import shlex
import shutil
import stat
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..console import port_users
from ..errors import MultinodeError
from ..lab.lockfiles import holders, lock_directory

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..lab.device_files import Lab
    from ..lab.device_model import Device

#: Emulated boards need them, and the Debian package of each.
EMULATOR = {"qemu-system-arm": "qemu-system-arm", "debugfs": "e2fsprogs"}
MODEM_MANAGER = "ModemManager"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at; `todo` is empty where nothing is wrong."""

    about: str  # a board, or what of the host
    text: str
    todo: str = ""

    @property
    def wrong(self) -> bool:
        """Whether there is something to do."""
        return bool(self.todo)


def of_host(lab: Lab) -> Iterator[Finding]:
    """Yield what is so whatever the board."""
    yield from _files(lab)
    yield from _shared(lab.devices)
    yield from _locks([device.name for device in lab.devices])
    yield from _simulated()
    missing = [name for name in EMULATOR if _program(name) is None]
    wanted = any(device.connection.qemu is not None for device in lab.devices)
    text = f"no {' and no '.join(missing)}" if missing else "QEMU is there"
    todo = f"apt-get install {' '.join(EMULATOR[name] for name in missing)}" if missing else ""
    yield Finding("emulated boards", text, todo if wanted else "")


def of_board(device: Device, processes: Path = Path("/proc")) -> Iterator[Finding]:
    """Yield what is so of one configured board."""
    path = device.connection.serial
    if path is not None and "://" not in path:
        yield from _port(device.name, path, processes)
    power = device.power
    for key, command in (
        ("connection.command", device.connection.command),
        ("power.on", power.on),
        ("power.off", power.off),
        ("power.cycle", power.cycle),
        ("deploy.to_host", device.deploy.to_host),
        ("deploy.to_board", device.deploy.to_board),
    ):
        program = missing(command)
        if program is not None:
            todo = f"install it, or correct {key} in {device.file}"
            yield Finding(device.name, f"{key}: there is no program '{program}'", todo)
    card = device.deploy.path
    if card is not None and device.deploy.to_host is None and not os.access(card, os.W_OK):
        reason = "cannot be written by this user" if Path(card).exists() else "does not exist"
        yield Finding(device.name, f"deploy.path {card} {reason}", _permission(card))


def _files(lab: Lab) -> Iterator[Finding]:
    for name, broken in lab.broken.items():
        for problem in broken.error.problems:
            yield Finding(name, str(problem), "correct the device file")
    if lab.devices:
        yield Finding("device files", f"{len(lab.devices)} boards are configured")
    elif not lab.broken:
        yield Finding("device files", "no boards are configured: 'lava-multinode init' writes one")


def _shared(devices: Sequence[Device]) -> Iterator[Finding]:
    """Yield what only one board can have and several are given: a copied file, as a rule."""
    owners_of: dict[tuple[str, str], list[str]] = {}
    for device in devices:
        serial, card = device.connection.serial, device.deploy.path
        if serial is not None:
            port = serial if "://" in serial else os.path.realpath(serial)
            owners_of.setdefault(("connection.serial", port), []).append(device.name)
        if card is not None:
            owners_of.setdefault(("deploy.path", os.path.realpath(card)), []).append(device.name)
    for (key, what), names in owners_of.items():
        if len(names) > 1:
            text = f"have the same {key}, {what}"
            yield Finding(" and ".join(names), text, "give each board its own in its device file")


def _locks(names: Sequence[str]) -> Iterator[Finding]:
    try:
        directory = lock_directory()
        held = holders(directory, names) if names else {}
    except MultinodeError as error:
        yield Finding(
            "locks", str(error), f"make a directory that all users may write to: {error}"
        )
        return
    yield Finding("locks", f"{directory} can be used")
    for name, holder in held.items():
        yield Finding(name, f"held by {holder}")


def _simulated() -> Iterator[Finding]:
    from ..simulator.simulated_lab import SimulatedLab

    try:
        with (
            tempfile.TemporaryDirectory(prefix="lava-") as directory,
            SimulatedLab(Path(directory)) as lab,
        ):
            refused = "".join(f"; {way}: {why}" for way, why in lab.refused.items())
            yield Finding("simulated boards", f"can be confined by {lab.confinement}{refused}")
    except MultinodeError as error:
        todo = "allow user namespaces (sysctl), or run with --unconfined"
        yield Finding("simulated boards", str(error), todo)


def _port(name: str, path: str, processes: Path) -> Iterator[Finding]:
    try:
        mode = Path(path).stat().st_mode
    except OSError as error:
        todo = "plug the adapter in; name it by /dev/serial/by-id, which does not change"
        yield Finding(name, f"{path}: {error.strerror}", todo)
        return
    if not stat.S_ISCHR(mode):
        yield Finding(name, f"{path} is no serial device", "correct connection.serial")
        return
    if not os.access(path, os.R_OK | os.W_OK):
        yield Finding(name, f"{path} may not be opened by this user", _permission(path))
    try:
        port_users.check(path, processes)
    except port_users.InUse as error:
        yield Finding(
            name, f"{path}: {error.strerror}", "end that program, or leave the board alone"
        )
    else:
        yield Finding(name, f"{path}: nobody has it open")
    if Path(path).resolve().name.startswith(("ttyACM", "ttyUSB")) and _runs(
        MODEM_MANAGER, processes
    ):
        todo = (
            'a udev rule with ENV{ID_MM_DEVICE_IGNORE}="1" for the adapter, '
            f"or systemctl disable --now {MODEM_MANAGER}"
        )
        yield Finding(name, f"{MODEM_MANAGER} runs, and may talk to {path}", todo)


def _permission(path: str) -> str:
    with suppress(OSError, KeyError):
        return f"add yourself to the group '{Path(path).group()}' and log in again"
    return "see that it is there and that this user may write to it"


def _runs(name: str, processes: Path) -> bool:
    for process in processes.glob("[0-9]*/comm"):
        with suppress(OSError):
            if process.read_text(errors="replace").strip() == name:
                return True
    return False


def missing(command: str | None) -> str | None:
    """Return the program that a command starts with, where that is known and not there."""
    word = _first_word(command)
    return word if word is not None and _program(word) is None else None


def _first_word(command: str | None) -> str | None:
    """Return the program that a shell command starts with, where that is a plain word."""
    with suppress(ValueError):
        for word in shlex.split(command or ""):
            if "=" in word or word in {"exec", "sudo", "env"}:
                continue
            plain = not set(word) & set("$`(){}[]*?;&|<>!")
            return word if plain and word not in BUILTINS else None
    return None


def _program(name: str) -> str | None:
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")


#: What a shell knows by itself, and may not be a file.
BUILTINS = frozenset(
    {"cd", "echo", "printf", "test", "true", "false", "sleep", "if", "for", "while", "until",
     "case", "set", "export", "unset", "umask", "ulimit", "trap", "read", "eval", "wait", ".", ":"}
)  # fmt: skip
