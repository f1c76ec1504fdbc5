"""Virtual devices for `--simulate` and `--emulate`: those that the job asks for."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING, Any

from .. import device_types
from ..errors import InvalidJob, Problem
from .layers import PACKAGE_DEFAULTS, Layers, search_path

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from ..job.model import Job, Role
    from .device_model import Device

#: The layer that makes a board of any type a simulated one.
SIMULATED: Mapping[str, Any] = {
    "connection": {"simulated": True, "qemu": None},
    "power": {"simulated": True},
    "deploy": {"method": "media", "layout": "master", "path": None},
    "overlay": ["console"],  # an image cannot contain its root file system
}
#: The layer that makes a board of any type an emulated one; that of the machine is beside it.
EMULATED: Mapping[str, Any] = {
    "connection": {"qemu": {}},
    "power": None,
    "deploy": {"method": "media", "path": None, "to_host": None, "to_board": None},
}


def make_devices(
    job: Job, layer: Mapping[str, Any], config_dir: Path | None = None
) -> list[Device]:
    """Return a device with `layer` (`SIMULATED` or `EMULATED`) for each node of `job`, in order.

    A named device keeps its name; the others are panda01, panda02 and so on, or
    qemu-arm64-01 for a type that ends in a digit. They have the tags of their roles. Of the
    device files of the host, only the device types matter that nothing else describes; those
    of an explicit `config_dir` are layers of the devices, to inject faults for example.

    Raises `InvalidJob` if the type of a named device is unknown, or cannot be virtual.
    """
    layers = _layers(config_dir)
    taken = {role.device for role in job.roles}
    devices = []
    problems: list[Problem] = []
    for role in job.roles:
        device_type = role.device_type or _type_of(role, layers)
        for _ in range(role.count):
            name = role.device or free_name(device_type, taken)
            taken.add(name)
            forced = {**layer, "device_type": device_type, "tags": sorted(role.tags)}
            try:
                devices.append(layers.device(name, forced))
            except InvalidJob as error:
                at = role.position
                problems += [
                    replace(problem, file=at.file, line=at.line, column=at.column)
                    if problem.file == name  # the device has no file
                    else problem
                    for problem in error.problems
                ]
    if problems:
        raise InvalidJob(list(dict.fromkeys(problems)))
    return devices


def virtual_types(config_dir: Path | None = None) -> Mapping[str, str]:
    """Return each name that the device type of a virtual board may have, with its proper name."""
    return _layers(config_dir).types()


def described_types(config_dir: Path | None = None) -> Mapping[str, Mapping[str, Any]]:
    """Return the content of each device type by proper name, as for virtual boards."""
    return _layers(config_dir).type_contents


def describe_stand_ins(job: Job, config_dir: Path | None = None) -> list[Problem]:
    """Return a warning for each role whose simulated boards are stand-ins."""
    layers = _layers(config_dir)
    found = []
    for role in job.roles:
        device_type = role.device_type or _type_of(role, layers)
        if "simulated_firmware" not in layers.type_contents.get(device_type, {}):
            text = f"no simulated firmware is known for the device type '{device_type}'"
            hint = "a stand-in boots in its place"
            found.append(role.position.problem(text, hint, warning=True))
    return found


def _layers(config_dir: Path | None) -> Layers:
    if config_dir is not None:
        return Layers(search_path(config_dir))
    return Layers((PACKAGE_DEFAULTS,), search_path()[1:])


def free_name(device_type: str, taken: Collection[str | None]) -> str:
    """Return the first of panda01, panda02, ... (qemu-arm64-01, ...) that is not taken."""
    stem = f"{device_type}-" if device_type[-1:].isdigit() else device_type
    names = (f"{stem}{number:02}" for number in count(1))
    return next(name for name in names if name not in taken)


def _type_of(role: Role, layers: Layers) -> str:
    """Return the type of a device that the job only names, by its file or by its name."""
    assert role.device is not None
    own_file = Layers(search_path()).device_type(role.device)
    device_type = (
        layers.device_type(role.device)
        or device_types.by_device_name(role.device, layers.types())
        or own_file
    )
    if device_type is not None:
        return device_type
    message = f"the type of device '{role.device}' is unknown, so it cannot be virtual"
    hint = "set device_type instead, or a --config-dir with its device file"
    raise InvalidJob([role.position.problem(message, hint)])
