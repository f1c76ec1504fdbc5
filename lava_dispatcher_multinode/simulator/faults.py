"""Fault injection: the faults of a simulated board, their syntax and their effects.

They are set in a device file, under `simulated:`, or for one run by device name:

    LAVA_SIMULATED_FAULTS='panda02:panic=login,noise=0.01;beaglexm01:slow=9600'

All random choices come from one seed and count bytes, not seconds: the same
dialogue fails the same way each time.
"""

from __future__ import annotations

import math
import random
import time
from typing import TYPE_CHECKING, Any

from ..errors import InvalidJob, Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

VARIABLE = "LAVA_SIMULATED_FAULTS"
POINTS = ("uboot", "kernel", "login", "shell")
BITS_PER_BYTE = 10  # 8n1
_BURSTS_PER_SECOND = 50  # smooth output without a system call for each byte
_KERNEL_MESSAGES = (
    b"usb 1-1: new high-speed USB device number 3 using ehci-omap",
    b"mmc0: Timeout waiting for hardware interrupt.",
    b"omap_i2c omap_i2c.1: controller timed out",
    b"random: nonblocking pool is initialized",
    b"smsc95xx 1-1.1:1.0 usb0: link down",
)


class Crash(Exception):
    """The kernel panics; the argument is the reason."""


class Hang(Exception):
    """The board stops responding."""


class Reset(Exception):
    """The board restarts, as after a watchdog reset."""


_FATAL = {"panic": Crash, "hang": Hang, "reboot": Reset}


class FaultInjector:
    """The faults of one board; `settings` is a result of `check`."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._settings = settings
        self.power = settings.get("power")
        self.countdown: int | None = settings.get("countdown")
        self.no_autoboot: bool = settings.get("no_autoboot", False)
        self.boot_delay: float = settings.get("boot_delay", 0.0)
        self.autologin: bool = settings.get("autologin", False)
        self.printk_every: float | None = settings.get("printk_every")
        baud = settings.get("slow")
        self._bytes_per_second = baud / BITS_PER_BYTE if baud else math.inf
        self.burst = max(1, int(self._bytes_per_second / _BURSTS_PER_SECOND)) if baud else 4096
        self._left = settings.get("times", math.inf)
        seed = settings.get("seed", 0)
        drop = settings.get("drop", 0.0)
        self._noise = _RandomPlaces(settings.get("noise", 0.0), f"noise {seed}")
        self._drop_output = _RandomPlaces(settings.get("drop_output", drop), f"output {seed}")
        self._drop_input = _RandomPlaces(settings.get("drop_input", drop), f"input {seed}")
        self._printk = _RandomPlaces(settings.get("printk", 0.0), f"printk {seed}")
        self._random = random.Random(f"what {seed}")  # noqa: S311 - repeatable, not secret
        self._tails: dict[str, bytes] = {}
        self._triggered: set[str] = set()

    def pending(self) -> list[str]:
        """Return the fatal faults that are set and have not been triggered."""
        return [kind for kind in _FATAL if kind in self._settings and kind not in self._triggered]

    def transmission_time(self, count: int) -> float:
        """Return the seconds that `count` bytes take on this line."""
        return count / self._bytes_per_second

    def checkpoint(self, point: str) -> None:
        """Raise the fault that is set for `point`, if there is one."""
        for kind in _FATAL:
            if self._settings.get(kind) == point:
                self._trigger(kind)

    def check_timers(self, since_shell: float) -> float | None:
        """Raise a fault that is due; return the seconds to the next one, None if there is none."""
        first = None
        for kind in _FATAL:
            when = self._settings.get(kind)
            if isinstance(when, int | float) and self._left > 0:
                if since_shell >= when:
                    self._trigger(kind)
                first = min(when - since_shell, math.inf if first is None else first)
        return first

    def split_at_triggers(self, data: bytes) -> Iterator[tuple[bytes, Exception | None]]:
        """Yield `data` in parts; a part that ends with a trigger text comes with its fault."""
        cuts = []
        for kind in _FATAL:
            where = self._settings.get(kind)
            if self._left > 0 and isinstance(where, dict):
                text = where["text"].encode()
                tail = self._tails.get(kind, b"")
                at = (tail + data).find(text)
                self._tails[kind] = (tail + data)[-len(text) + 1 :] if len(text) > 1 else b""
                if at >= 0:
                    cuts.append((at + len(text) - len(tail), kind))
        if not cuts:
            yield data, None
            return
        end, kind = min(cuts)
        self._tails.clear()
        yield data[:end], self._use(kind)

    def distort_output(self, data: bytes, kernel_since: float | None) -> bytes:
        """Return printed `data` with noise, kernel messages and losses."""
        data = self._noise.insert(data, lambda: bytes([self._random.randrange(256)]))
        if kernel_since is not None:
            data = self._printk.insert(data, lambda: self.kernel_message(kernel_since))
        return self._drop_output.remove(data)

    def distort_input(self, data: bytes) -> bytes:
        """Return typed `data` with losses."""
        return self._drop_input.remove(data)

    def kernel_message(self, kernel_since: float) -> bytes:
        """Return one line of a kernel log; `kernel_since` is the kernel's start (monotonic)."""
        stamp = b"[%12.6f] " % (time.monotonic() - kernel_since)
        return stamp + self._random.choice(_KERNEL_MESSAGES) + b"\r\n"

    def _trigger(self, kind: str) -> None:
        if self._left > 0:
            raise self._use(kind)

    def _use(self, kind: str) -> Exception:
        self._left -= 1
        self._triggered.add(kind)
        return _FATAL[kind]("Fatal exception in interrupt")


class _RandomPlaces:
    """Random places in a byte stream, each byte with the same probability."""

    def __init__(self, probability: float, seed: str) -> None:
        self._scale = math.log1p(-probability) if 0 < probability < 1 else -math.inf
        self._never = probability <= 0
        self._random = random.Random(seed)  # noqa: S311 - repeatable, not secret
        self._next = self._gap()

    def _gap(self) -> int:
        return int(math.log(1.0 - self._random.random()) / self._scale)

    def _places(self, length: int) -> Iterator[int]:
        if self._never:
            return
        at = self._next
        while at < length:
            yield at
            at += 1 + self._gap()
        self._next = at - length

    def remove(self, data: bytes) -> bytes:
        left, parts = 0, []
        for at in self._places(len(data)):
            parts.append(data[left:at])
            left = at + 1
        return b"".join([*parts, data[left:]])

    def insert(self, data: bytes, make: Callable[[], bytes]) -> bytes:
        left, parts = 0, []
        for at in self._places(len(data)):
            parts += [data[left:at], make()]
            left = at
        return b"".join([*parts, data[left:]])


def check(settings: Mapping[str, object], where: str) -> dict[str, Any]:
    """Return the settings with their proper types; raise `InvalidJob` with every error.

    `where` names their place in messages. Values may be strings, as in the variable.
    """
    problems, checked = [], {}
    for name, value in settings.items():
        if name not in KINDS:
            from ..job.hints import nearest

            near = nearest(name, KINDS)
            hint = f"did you mean '{near}'?" if near else f"known: {', '.join(KINDS)}"
            problems.append(Problem(where, 0, 0, f"unknown fault '{name}'", hint))
            continue
        try:
            checked[name] = KINDS[name](value)
        except _WrongValue as wrong:
            problems.append(Problem(where, 0, 0, f"{name}: {value!r} is not {wrong}"))
    if problems:
        raise InvalidJob(problems)
    return checked


def parse_variable(text: str) -> dict[str, dict[str, Any]]:
    """Return the checked faults by device name from the value of LAVA_SIMULATED_FAULTS."""
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


class _WrongValue(Exception):
    """A value is invalid; the argument describes a valid one."""


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise _WrongValue("a number")
    try:
        number = float(value)
    except ValueError:
        raise _WrongValue("a number") from None
    if not 0 <= number < 1e9:
        raise _WrongValue("a number from 0")
    return number


def _probability(value: object) -> float:
    number = _number(value)
    if number > 1:
        raise _WrongValue("a probability (0 to 1) for each character")
    return number


def _integer(least: int) -> Callable[[object], int]:
    def convert(value: object) -> int:
        number = _number(value)
        if number != int(number) or number < least:
            raise _WrongValue(f"a whole number from {least}")
        return int(number)

    return convert


def _positive(value: object) -> float:
    number = _number(value)
    if number == 0:
        raise _WrongValue("a number of seconds above 0")
    return number


def _flag(value: object) -> bool:
    known = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
    try:
        return known[str(value).lower()]
    except KeyError:
        raise _WrongValue("true or false") from None


def _power(value: object) -> str:
    if value not in {"dead", "stuck"}:
        raise _WrongValue("dead or stuck")
    return str(value)


def _point(value: object) -> object:
    """Return one of POINTS, seconds after the shell started, or {"text": a trigger text}."""
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
    except _WrongValue:
        raise _WrongValue(
            f"one of {', '.join(POINTS)}, seconds after the shell began, or text:WHAT IS PRINTED"
        ) from None


#: Each fault with the function that checks and converts its value.
KINDS: dict[str, Callable[[object], object]] = {
    "slow": _integer(50),
    "noise": _probability,
    "drop": _probability,
    "drop_input": _probability,
    "drop_output": _probability,
    "printk": _probability,
    "printk_every": _positive,
    "panic": _point,
    "hang": _point,
    "reboot": _point,
    "times": _integer(1),
    "power": _power,
    "countdown": _integer(0),
    "no_autoboot": _flag,
    "boot_delay": _number,
    "autologin": _flag,
    "seed": _integer(0),
}
