"""Checks of this host and its configured boards, for `lava-multinode doctor`."""

from __future__ import annotations

import os
import shlex
import shutil
import stat
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..console import port_users
from ..errors import InfrastructureError, MultinodeError
from ..lab.device_model import LAVA
from ..lab.lockfiles import holders, lock_directory
from ..lava.dictionary import commands, load_dictionary
from ..lava.dispatcher.installed import find_dispatcher
from ..lava.dispatcher.preflight import check_allowed, dictionary_problems
from ..qemu.machines import MACHINES, PACKAGES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..lab.device_files import Lab
    from ..lab.device_model import Device
    from ..lab.device_sections import QemuMachine

#: The program that emulated boards of any architecture need, and its Debian package.
IMAGE_PACKAGES = {"debugfs": "e2fsprogs"}
MODEM_MANAGER = "ModemManager"
#: The keys of device dictionaries whose commands LAVA runs on this host.
LAVA_COMMANDS = ("connect", "power_on", "power_off", "hard_reset")


@dataclass(frozen=True)
class Diagnosis:
    """The result of one check; `todo` is empty if the check passed."""

    about: str  # a board, or a part of the host
    text: str
    todo: str = ""  # how to correct it

    @property
    def wrong(self) -> bool:
        """Return True if the check failed."""
        return bool(self.todo)


def check_host(lab: Lab) -> Iterator[Diagnosis]:
    """Check what all boards share: device files, locks, confinement, QEMU."""
    yield from _files(lab)
    yield from _shared(lab.devices)
    yield from _locks([device.name for device in lab.devices])
    yield from _simulated()
    yield _emulators([device.connection.qemu for device in lab.devices if device.connection.qemu])


def _emulators(boards: Sequence[QemuMachine]) -> Diagnosis:
    """Check the programs of `boards`; without any, all programs, of which none is necessary."""
    wanted = {MACHINES[board.model].program for board in boards}
    packages = {**{name: PACKAGES[name] for name in sorted(wanted or PACKAGES)}, **IMAGE_PACKAGES}
    missing = [name for name in packages if _program(name) is None]
    text = f"missing: {', '.join(missing)}" if missing else "QEMU found"
    todo = f"apt-get install {' '.join(dict.fromkeys(packages[name] for name in missing))}"
    return Diagnosis("emulated boards", text, todo if missing and wanted else "")


def check_board(device: Device, processes: Path = Path("/proc")) -> Iterator[Diagnosis]:
    """Check one configured board: its port, its programs, its SD card."""
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
        program = missing_program(command)
        if program is not None:
            todo = f"install it, or correct {key} in {device.file}"
            yield Diagnosis(device.name, f"{key}: program not found: {program}", todo)
    card = device.deploy.path
    if card is not None and device.deploy.to_host is None and not os.access(card, os.W_OK):
        reason = "is not writable for this user" if Path(card).exists() else "does not exist"
        yield Diagnosis(device.name, f"deploy.path {card} {reason}", _permission(card))


def check_lava(devices: Sequence[Device]) -> Iterator[Diagnosis]:
    """Check LAVA's dispatcher and the device dictionaries of its boards."""
    lavas = [device for device in devices if device.host == LAVA]
    yield from dict.fromkeys(_dispatcher(device) for device in lavas)
    for device in lavas:
        problems = dictionary_problems(device)
        for problem in problems:
            yield Diagnosis(
                device.name,
                str(problem),
                f"correct the dictionary, or lava.device in {device.file}",
            )
        if not problems:
            yield from _programs(device, load_dictionary(device))


def _dispatcher(device: Device) -> Diagnosis:
    about = "boards under LAVA"
    try:
        installed = find_dispatcher(device.lava)
        check_allowed(installed)
    except InfrastructureError as error:
        todo = "correct lava.path and lava.python in the device files, or LAVA_DISPATCHER_PATH"
        return Diagnosis(about, str(error), todo)
    return Diagnosis(about, f"LAVA's dispatcher {installed.version} found: {installed.lava_run}")


def _programs(device: Device, dictionary: dict[str, Any]) -> Iterator[Diagnosis]:
    wanted: dict[str, list[str]] = {}
    for key in LAVA_COMMANDS:
        for program in filter(None, map(missing_program, commands(dictionary, key))):
            wanted.setdefault(program, []).append(key)
    for program, keys in wanted.items():
        text = f"program not found: {program} ({', '.join(dict.fromkeys(keys))})"
        yield Diagnosis(device.name, text, f"install it, or correct {device.lava.device}")


def _files(lab: Lab) -> Iterator[Diagnosis]:
    for name, broken in lab.invalid.items():
        for problem in broken.error.problems:
            yield Diagnosis(name, str(problem), "correct the device file")
    for device in lab.devices:
        if note := lab.describe_type(device):
            todo = f"correct {device.file}" if lab.misspelled_type(device) else ""
            yield Diagnosis(device.name, note, todo)
    if lab.devices:
        yield Diagnosis("device files", f"{len(lab.devices)} configured")
    elif not lab.invalid:
        yield Diagnosis(
            "device files", "none configured; 'lava-multinode init' writes a first one"
        )


def _shared(devices: Sequence[Device]) -> Iterator[Diagnosis]:
    """Find a serial port or an SD card of several boards: a copied device file, usually."""
    boards_of: dict[tuple[str, str], list[str]] = {}
    for device in devices:
        serial, card = device.connection.serial, device.deploy.path
        if serial is not None:
            port = serial if "://" in serial else os.path.realpath(serial)
            boards_of.setdefault(("connection.serial", port), []).append(device.name)
        if card is not None:
            boards_of.setdefault(("deploy.path", os.path.realpath(card)), []).append(device.name)
    for (key, what), names in boards_of.items():
        if len(names) > 1:
            text = f"same {key}: {what}"
            yield Diagnosis(" and ".join(names), text, "correct the device files")


def _locks(names: Sequence[str]) -> Iterator[Diagnosis]:
    try:
        directory = lock_directory()
        held = holders(directory, names) if names else {}
    except MultinodeError as error:
        yield Diagnosis(
            "locks",
            str(error),
            "create a lock directory that all users can write to, or set LAVA_LOCK_DIR",
        )
        return
    yield Diagnosis("locks", f"{directory} is usable")
    for name, holder in held.items():
        yield Diagnosis(name, f"held by {holder}")


def _simulated() -> Iterator[Diagnosis]:
    from ..simulator.simulated_lab import SimulatedLab

    try:
        with (
            tempfile.TemporaryDirectory(prefix="lava-") as directory,
            SimulatedLab(Path(directory)) as lab,
        ):
            refused = "".join(f"; {way}: {why}" for way, why in lab.refused.items())
            yield Diagnosis("simulated boards", f"confinement: {lab.confinement}{refused}")
    except MultinodeError as error:
        todo = "allow user namespaces (sysctl), or run with --unconfined"
        yield Diagnosis("simulated boards", str(error), todo)


def _port(name: str, path: str, processes: Path) -> Iterator[Diagnosis]:
    try:
        mode = Path(path).stat().st_mode
    except OSError as error:
        todo = "connect the adapter; prefer a persistent name from /dev/serial/by-id"
        yield Diagnosis(name, f"{path}: {error.strerror}", todo)
        return
    if not stat.S_ISCHR(mode):
        yield Diagnosis(name, f"{path} is not a serial device", "correct connection.serial")
        return
    if not os.access(path, os.R_OK | os.W_OK):
        yield Diagnosis(name, f"{path}: permission denied", _permission(path))
    try:
        port_users.check_unused(path, processes)
    except port_users.InUse as error:
        yield Diagnosis(
            name, f"{path}: {error.strerror}", "end that program, or do not use the board"
        )
    else:
        yield Diagnosis(name, f"{path}: port is free")
    if Path(path).resolve().name.startswith(("ttyACM", "ttyUSB")) and _runs(
        MODEM_MANAGER, processes
    ):
        todo = (
            'add a udev rule with ENV{ID_MM_DEVICE_IGNORE}="1" for the adapter, '
            f"or run: systemctl disable --now {MODEM_MANAGER}"
        )
        yield Diagnosis(name, f"{MODEM_MANAGER} is running and may write to {path}", todo)


def _permission(path: str) -> str:
    with suppress(OSError, KeyError):
        return f"add yourself to the group '{Path(path).group()}' and log in again"
    return "check that it exists and that this user can write to it"


def _runs(name: str, processes: Path) -> bool:
    for process in processes.glob("[0-9]*/comm"):
        with suppress(OSError):
            if process.read_text(errors="replace").strip() == name:
                return True
    return False


def missing_program(command: str | None) -> str | None:
    """Return the program of a shell command if it is known and not installed."""
    word = _first_word(command)
    return word if word is not None and _program(word) is None else None


def _first_word(command: str | None) -> str | None:
    """Return the program of a shell command; None for a builtin or an expansion."""
    with suppress(ValueError):
        for word in shlex.split(command or ""):
            if "=" in word or word in {"exec", "sudo", "env"}:
                continue
            plain = not set(word) & set("$`(){}[]*?;&|<>!")
            return word if plain and word not in BUILTINS else None
    return None


def _program(name: str) -> str | None:
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")


#: Words that a shell handles itself.
BUILTINS = frozenset(
    {"cd", "echo", "printf", "test", "true", "false", "sleep", "if", "for", "while", "until",
     "case", "set", "export", "unset", "umask", "ulimit", "trap", "read", "eval", "wait", ".", ":"}
)  # fmt: skip
