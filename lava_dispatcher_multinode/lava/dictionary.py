"""LAVA device dictionaries, as the server renders them and lava-run reads them."""

from __future__ import annotations

import shlex
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import yaml

from ..errors import InvalidJob
from ..lab.device_keys import ALTERNATIVES

if TYPE_CHECKING:
    from ..lab.device_model import Device

MAX_DICTIONARY_BYTES = 1 << 20
_HINT = "lava.device is the rendered YAML: lavacli devices dict get --render NAME"


def load_dictionary(device: Device) -> dict[str, Any]:
    """Return the dictionary of a device with `host: lava`; raise `InvalidJob` if it is invalid."""
    path = device.lava.device
    assert path is not None  # the device file has been checked
    try:
        with path.open("rb") as stream:
            text = stream.read(MAX_DICTIONARY_BYTES + 1)
        if len(text) > MAX_DICTIONARY_BYTES:
            raise _invalid(device, f"larger than {MAX_DICTIONARY_BYTES} bytes")
        data = yaml.safe_load(text)
    except OSError as error:
        raise _invalid(device, f"cannot read it: {error.strerror}") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" (line {mark.line + 1})" if mark else ""
        hint = _HINT if b"{%" in text else ""
        raise _invalid(device, f"it is not YAML{where}", hint) from error
    if not isinstance(data, dict) or not isinstance(data.get("actions"), dict):
        raise _invalid(device, "not a device dictionary: it has no 'actions'", _HINT)
    # LAVA gives the tests this name; the name of the device file applies.
    return data | {"hostname": device.name}


def methods(dictionary: dict[str, Any], kind: str) -> dict[str, Any]:
    """Return the device's methods for `kind`: "deploy" or "boot"."""
    section = dictionary["actions"].get(kind)
    found = section.get("methods") if isinstance(section, dict) else None
    return found if isinstance(found, dict) else {}


def commands(dictionary: dict[str, Any], name: str) -> list[str]:
    """Return the command lines that LAVA runs on its host for `name`, such as "power_off"."""
    section = dictionary.get("commands")
    found = section.get(name) if isinstance(section, dict) else None
    return [str(line) for line in (found if isinstance(found, list) else [found]) if line]


def with_commands(device: Device) -> Device:
    """Return a device under LAVA with its dictionary's console and power commands, for manual use.

    The keys of the device file override them.
    """
    dictionary = load_dictionary(device)
    connection, power = device.connection, device.power
    if connection.command is None and connection.serial is None:
        connection = replace(connection, command=_console(device, dictionary))
    if not any(getattr(power, name) for kind in ALTERNATIVES["power",] for name in kind):
        on, off, cycle = (
            _shell(device, commands(dictionary, name))
            for name in ("power_on", "power_off", "hard_reset")
        )
        power = replace(power, on=on, off=off, cycle=cycle)
    return replace(device, connection=connection, power=power)


def _console(device: Device, dictionary: dict[str, Any]) -> str | None:
    if lines := commands(dictionary, "connect"):
        return _shell(device, lines[:1])
    section = dictionary.get("commands")
    found = section.get("connections") if isinstance(section, dict) else None
    for entry in found.values() if isinstance(found, dict) else ():
        if isinstance(entry, dict) and "primary" in (entry.get("tags") or ()):
            return _shell(device, [str(entry.get("connect", ""))])
    return None


def _shell(device: Device, lines: list[str]) -> str | None:
    """Return command lines, which LAVA runs without a shell, as one line for a shell."""
    try:
        return " && ".join(shlex.join(shlex.split(line)) for line in lines) or None
    except ValueError as error:
        raise _invalid(device, f"commands: {error}") from error


def _invalid(device: Device, message: str, hint: str = "") -> InvalidJob:
    return InvalidJob.about(str(device.lava.device), message, hint)
