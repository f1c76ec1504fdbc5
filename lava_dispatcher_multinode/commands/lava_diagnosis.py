"""What may be wrong with boards under LAVA's dispatcher: findings, each with what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import InfrastructureError
from ..lab.device_model import LAVA
from ..lava.dispatcher.dictionary import commands, load_dictionary
from ..lava.dispatcher.installed import find_dispatcher
from ..lava.dispatcher.preflight import check_allowed, dictionary_problems
from .diagnosis import Finding, missing

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..lab.device_model import Device

#: The commands of a dictionary that LAVA runs on this host.
COMMANDS = ("connect", "power_on", "power_off", "hard_reset")


def of_lava(devices: Sequence[Device]) -> Iterator[Finding]:
    """Yield what is so of LAVA's dispatchers, and of the dictionaries of its boards."""
    lavas = [device for device in devices if device.host == LAVA]
    yield from dict.fromkeys(_dispatcher(device) for device in lavas)
    for device in lavas:
        problems = dictionary_problems(device)
        for problem in problems:
            yield Finding(device.name, str(problem), f"correct it, or {device.file}")
        if not problems:
            yield from _programs(device, load_dictionary(device))


def _dispatcher(device: Device) -> Finding:
    about = "boards under LAVA"
    try:
        installed = find_dispatcher(device.lava)
        check_allowed(installed)
    except InfrastructureError as error:
        text, _, todo = str(error).partition(": ")
        return Finding(about, text, todo)
    text = f"LAVA's dispatcher {installed.version} is there, {installed.lava_run}"
    return Finding(about, text)


def _programs(device: Device, dictionary: dict[str, Any]) -> Iterator[Finding]:
    wanted: dict[str, list[str]] = {}
    for key in COMMANDS:
        for program in filter(None, map(missing, commands(dictionary, key))):
            wanted.setdefault(program, []).append(key)
    for program, keys in wanted.items():
        text = f"there is no program '{program}' ({', '.join(dict.fromkeys(keys))})"
        yield Finding(device.name, text, f"install it, or correct {device.lava.device}")
