"""The lab: every board that has a device file, and those whose file is wrong."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..errors import InvalidJob
from .device_model import LAVA
from .layers import Layers, search_path

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from .device_model import Device


@dataclass(frozen=True)
class Broken:
    """A device file that cannot be used, and why."""

    error: InvalidJob
    device_type: str | None = None  # None: not even that is known


@dataclass(frozen=True)
class Lab:
    """The boards of a host.

    `searched` is where device files were looked for, lowest layer first.
    """

    devices: tuple[Device, ...]
    broken: Mapping[str, Broken] = field(default_factory=dict)
    searched: tuple[Path, ...] = ()
    types: Mapping[str, str] = field(default_factory=dict)

    @property
    def device_types(self) -> Mapping[str, str]:
        """Each name that a job may give as a device type, with its proper name.

        These are `types`, and those of the boards that LAVA's dispatcher runs. A wrong device
        file counts: a job that needs its type gets the error of the file.
        """
        known = [device.device_type for device in self.devices if device.host == LAVA]
        known += [b.device_type for b in self.broken.values() if b.device_type]
        return {**{name: name for name in known}, **self.types}


def load_lab(config_dir: Path | None = None) -> Lab:
    """Read all device files.

    A wrong file does not hide the others: it is in `broken`. Raises
    `InvalidJob` only when `config_dir` is no directory.
    """
    layers = Layers(search_path(config_dir))
    devices: list[Device] = []
    broken = _strays(layers)
    for name in layers.names():
        try:
            devices.append(layers.device(name))
        except InvalidJob as error:
            broken[name] = Broken(error, _device_type(layers, name))
    return Lab(tuple(devices), broken, layers.directories, layers.types())


def _strays(layers: Layers) -> dict[str, Broken]:
    """Return the files that somebody may take for device files, and are not."""
    known = set(layers.names())
    strays = {}
    for path in layers.files("devices", ".yml", ".json", ".conf"):
        hint = f"rename it to {path.stem}.yaml"
        if path.suffix == ".conf":
            hint = "the ini files of 2013 need new keys: see docs/reference/device-file.md"
        message = "not read: a device file is YAML, and its name ends in .yaml"
        if path.stem not in known:
            strays[path.stem] = Broken(InvalidJob.about(str(path), message, hint))
    return strays


def _device_type(layers: Layers, name: str) -> str | None:
    try:
        return layers.device_type(name)
    except InvalidJob:
        return None
