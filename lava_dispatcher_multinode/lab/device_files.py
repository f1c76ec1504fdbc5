"""The lab: the boards with a device file, and the files that are invalid."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..device_types import with_aliases
from ..errors import InvalidJob
from ..job.hints import misspelled
from .device_model import LAVA
from .layers import Layers, search_path

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from .device_model import Device


@dataclass(frozen=True)
class InvalidDevice:
    """A device file that cannot be used, with its error."""

    error: InvalidJob
    device_type: str | None = None  # None: unknown


@dataclass(frozen=True)
class Lab:
    """The boards of a host.

    `searched` are the directories of device files, lowest layer first. `types` is the
    content of each device type by its proper name.
    """

    devices: tuple[Device, ...]
    invalid: Mapping[str, InvalidDevice] = field(default_factory=dict)
    searched: tuple[Path, ...] = ()
    types: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def device_types(self) -> Mapping[str, str]:
        """Each name that a job may give as a device type, with its proper name.

        These are `types`, and those of the boards that LAVA's dispatcher runs. A wrong device
        file counts: a job that needs its type gets the error of the file.
        """
        known = [device.device_type for device in self.devices if device.host == LAVA]
        known += [i.device_type for i in self.invalid.values() if i.device_type]
        return {**{name: name for name in known}, **with_aliases(self.types)}

    def is_described(self, device: Device) -> bool:
        """Return whether there is more about a board than its own device files say."""
        by_lava = device.host == LAVA or device.lava_device is not None
        return by_lava or device.device_type in self.types

    def misspelled_type(self, device: Device) -> str | None:
        """Return the described type that the one of `device` probably means, if any."""
        if self.is_described(device):
            return None
        return misspelled(device.device_type, with_aliases(self.types))

    def describe_type(self, device: Device) -> str:
        """Return a note on a board whose type nothing describes, or whose dictionary has more."""
        if device.notes:
            count, file = len(device.notes), device.lava_device
            return (
                f"{file} has keys without effect here (warnings: {count}), which "
                f"'lava-multinode import {file}' prints"
            )
        if self.is_described(device):
            return ""
        text = f"nothing describes the device type '{device.device_type}'"
        near = self.misspelled_type(device)
        return f"{text}: did you mean '{near}'?" if near else f"{text}: a generic board"


def load_lab(config_dir: Path | None = None) -> Lab:
    """Read all device files.

    An invalid file does not hide the others: it is in `invalid`. Raises `InvalidJob` only if
    `config_dir` is not a directory.
    """
    layers = Layers(search_path(config_dir))
    devices: list[Device] = []
    invalid = _unrecognised_files(layers)
    for name in layers.names():
        try:
            devices.append(layers.device(name))
        except InvalidJob as error:
            invalid[name] = InvalidDevice(error, _device_type(layers, name))
    return Lab(tuple(devices), invalid, layers.directories, layers.type_contents)


def _unrecognised_files(layers: Layers) -> dict[str, InvalidDevice]:
    """Return the files that resemble device files and are not read."""
    known = set(layers.names())
    found = {}
    for path in layers.files("devices", ".yml", ".json", ".conf"):
        hint = f"rename it to {path.stem}.yaml"
        if path.suffix == ".conf":
            hint = "the ini files of 2013 need new keys: see docs/reference/device-file.md"
        message = "not read: a device file is YAML, and its name ends in .yaml"
        if path.stem not in known:
            found[path.stem] = InvalidDevice(InvalidJob.about(str(path), message, hint))
    return found


def _device_type(layers: Layers, name: str) -> str | None:
    try:
        return layers.device_type(name)
    except InvalidJob:
        return None
