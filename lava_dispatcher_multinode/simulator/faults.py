"""What a simulated board can be told to do wrong, and how that is written.

In a device file, under `simulated:`; or for one run, by device name:

    LAVA_SIMULATED_FAULTS='panda02:panic=login,noise=0.01;beaglexm01:slow=9600'
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

from ..errors import InvalidJob, Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

VARIABLE = "LAVA_SIMULATED_FAULTS"
POINTS = ("uboot", "kernel", "login", "shell")


class _Wrong(Exception):
    """What the value should have been."""


def check(settings: Mapping[str, object], where: str) -> dict[str, Any]:
    """Return the settings with their proper types; raise `InvalidJob` with all that is wrong.

    `where` names their place in messages. Values may be texts, as in the variable.
    """
    problems, checked = [], {}
    for name, value in settings.items():
        if name not in KINDS:
            near = difflib.get_close_matches(name, KINDS, 1)
            hint = f"did you mean '{near[0]}'?" if near else f"known: {', '.join(KINDS)}"
            problems.append(Problem(where, 0, 0, f"unknown fault '{name}'", hint))
            continue
        try:
            checked[name] = KINDS[name](value)
        except _Wrong as wrong:
            problems.append(Problem(where, 0, 0, f"{name}: {value!r} is not {wrong}"))
    if problems:
        raise InvalidJob(problems)
    return checked


def from_variable(text: str) -> dict[str, dict[str, Any]]:
    """Return the checked faults by device name that the variable's value asks for."""
    found: dict[str, dict[str, Any]] = {}
    for entry in filter(None, (part.strip() for part in text.split(";"))):
        device, colon, rest = entry.partition(":")
        if not colon or not device.strip():
            hint = "write device:fault=value,fault=value;device:..."
            raise InvalidJob.about(VARIABLE, f"'{entry}' names no device", hint)
        pairs = {}
        for pair in filter(None, (part.strip() for part in rest.split(","))):
            name, equals, value = pair.partition("=")
            pairs[name.strip()] = value.strip() if equals else True
        found.setdefault(device.strip(), {}).update(check(pairs, f"{VARIABLE}: {device.strip()}"))
    return found


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise _Wrong("a number")
    try:
        number = float(value)
    except ValueError:
        raise _Wrong("a number") from None
    if not 0 <= number < 1e9:
        raise _Wrong("a number from 0")
    return number


def _probability(value: object) -> float:
    number = _number(value)
    if number > 1:
        raise _Wrong("a probability (0 to 1) for each character")
    return number


def _whole(least: int) -> Callable[[object], int]:
    def convert(value: object) -> int:
        number = _number(value)
        if number != int(number) or number < least:
            raise _Wrong(f"a whole number from {least}")
        return int(number)

    return convert


def _positive(value: object) -> float:
    number = _number(value)
    if number == 0:
        raise _Wrong("a number of seconds above 0")
    return number


def _flag(value: object) -> bool:
    known = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
    try:
        return known[str(value).lower()]
    except KeyError:
        raise _Wrong("true or false") from None


def _power(value: object) -> str:
    if value not in {"dead", "stuck"}:
        raise _Wrong("dead or stuck")
    return str(value)


def _point(value: object) -> object:
    """Return a name of POINTS, seconds after the shell began, or {"text": what is printed}."""
    if isinstance(value, dict) and list(value) == ["text"] and value["text"]:
        return {"text": str(value["text"])}
    if isinstance(value, dict) and list(value) == ["after"]:
        return _number(value["after"])
    if value in POINTS:
        return value
    if isinstance(value, str) and value.startswith("text:") and len(value) > 5:
        return {"text": value[5:]}
    try:
        return _number(value)
    except _Wrong:
        raise _Wrong(
            f"one of {', '.join(POINTS)}, seconds after the shell began, or text:WHAT IS PRINTED"
        ) from None


#: Each fault, and what makes its value of what was written.
KINDS: dict[str, Callable[[object], object]] = {
    "slow": _whole(50),
    "noise": _probability,
    "drop": _probability,
    "drop_input": _probability,
    "drop_output": _probability,
    "printk": _probability,
    "printk_every": _positive,
    "panic": _point,
    "hang": _point,
    "reboot": _point,
    "times": _whole(1),
    "power": _power,
    "countdown": _whole(0),
    "no_autoboot": _flag,
    "boot_delay": _number,
    "autologin": _flag,
    "seed": _whole(0),
}
