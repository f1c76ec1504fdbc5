"""A LAVA device dictionary, as its server renders it and lava-run takes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from ..errors import InvalidJob

if TYPE_CHECKING:
    from ..lab.device import Device

MAX_BYTES = 1 << 20
_HINT = "lava.device is the rendered YAML: lavacli devices dict get --render NAME"


def load_dictionary(device: Device) -> dict[str, Any]:
    """Return the dictionary of a device with `host: lava`; `InvalidJob` if it is none."""
    path = device.lava.device
    assert path is not None  # the device file was checked
    try:
        with path.open("rb") as stream:
            text = stream.read(MAX_BYTES + 1)
        if len(text) > MAX_BYTES:
            raise _bad(device, f"larger than {MAX_BYTES} bytes")
        data = yaml.safe_load(text)
    except OSError as error:
        raise _bad(device, f"cannot read it: {error.strerror}") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" (line {mark.line + 1})" if mark else ""
        hint = _HINT if b"{%" in text else ""
        raise _bad(device, f"it is not YAML{where}", hint) from error
    if not isinstance(data, dict) or not isinstance(data.get("actions"), dict):
        raise _bad(device, "not a device dictionary: it has no 'actions'", _HINT)
    # LAVA names the board to its tests; the name here is the one that counts.
    return data | {"hostname": device.name}


def methods(dictionary: dict[str, Any], kind: str) -> dict[str, Any]:
    """Return the methods for `deploy` or `boot` that the board has."""
    section = dictionary["actions"].get(kind)
    found = section.get("methods") if isinstance(section, dict) else None
    return found if isinstance(found, dict) else {}


def commands(dictionary: dict[str, Any], name: str) -> list[str]:
    """Return the command lines that LAVA runs on its host to do that: "power_off", say."""
    section = dictionary.get("commands")
    found = section.get(name) if isinstance(section, dict) else None
    return [str(line) for line in (found if isinstance(found, list) else [found]) if line]


def _bad(device: Device, message: str, hint: str = "") -> InvalidJob:
    return InvalidJob.about(str(device.lava.device), message, hint)
