"""Device types that each installation knows: those of this package, and those of plug-ins.

A device type is data, the lowest layer of its device files: the content of
lab/defaults/device-types/NAME.yaml, or the mapping `defaults` of a plug-in's driver class.
`lab.layers` adds the types of the device-types/ directories of the host and of the user.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import plugins

if TYPE_CHECKING:
    from collections.abc import Mapping

DIRECTORY = Path(__file__).parent / "lab" / "defaults" / "device-types"
PLUGIN_HINT = "it is the content of device-types/NAME.yaml: see docs/how-to/write-a-plugin.md"


def defaults(device_type: str) -> Mapping[str, Any]:
    """Return the lowest layer of a type's device files; empty if the type is not known here.

    Raises `InvalidJob` if a plug-in's `defaults` are not a dict; `lab.layers` checks the keys.
    """
    if device_type in _packaged():
        return _packaged()[device_type]
    if device_type not in plugins.entries(plugins.DEVICE_TYPES):
        return {}
    found = getattr(plugins.load(plugins.DEVICE_TYPES, device_type), "defaults", {})
    wrong = ""
    if not isinstance(found, dict):
        wrong = f"is a {type(found).__name__}, not a dict"
    elif not _is_list_of_names(found.get("aliases") or []):
        wrong = "has 'aliases' that are not a list of names"
    if wrong:
        entry = plugins.entries(plugins.DEVICE_TYPES)[device_type]
        message = f"'defaults' of '{device_type}' of {plugins.origin(entry)} {wrong}"
        raise plugins.error(plugins.DEVICE_TYPES, message, PLUGIN_HINT)
    return found


def names() -> dict[str, str]:
    """Return each known name, aliases included, with the proper name of its type."""
    types = sorted({*_packaged(), *plugins.entries(plugins.DEVICE_TYPES)})
    return with_aliases({name: defaults(name) for name in types})


def with_aliases(types: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Return each name of `types` (proper name -> content) with its proper name.

    An alias does not replace the name of another type.
    """
    found = {name: name for name in types}
    for name, content in types.items():
        for alias in content.get("aliases") or ():
            found.setdefault(alias, name)
    return found


def by_device_name(device: str, known: Mapping[str, str]) -> str | None:
    """Return the proper name of the type whose name `device` begins with, if any.

    `known` is as returned by `names`.
    """
    fitting = [name for name in known if device.startswith(name)]
    return known[max(fitting, key=len)] if fitting else None


def _is_list_of_names(data: object) -> bool:
    return isinstance(data, list | tuple) and all(isinstance(name, str) for name in data)


@cache
def _packaged() -> Mapping[str, Mapping[str, Any]]:
    import yaml

    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return {
        path.stem: loader(path.read_text("utf-8")).get_single_data()
        for path in sorted(DIRECTORY.glob("*.yaml"))
    }
