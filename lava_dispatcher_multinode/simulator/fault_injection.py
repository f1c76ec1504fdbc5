"""How a board misbehaves while it runs; `faults.py` says what can be asked for.

Everything random comes from one seed and counts bytes, not seconds: the same
dialogue fails the same way each time.
"""

from __future__ import annotations

import math
import random
import time
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

BITS_PER_BYTE = 10  # 8n1
_MESSAGES = (
    b"usb 1-1: new high-speed USB device number 3 using ehci-omap",
    b"mmc0: Timeout waiting for hardware interrupt.",
    b"omap_i2c omap_i2c.1: controller timed out",
    b"random: nonblocking pool is initialized",
    b"smsc95xx 1-1.1:1.0 usb0: link down",
)


class Crash(Exception):
    """The kernel panics; the text is the reason."""


class Hang(Exception):
    """Nothing happens any more."""


class Reset(Exception):
    """The board starts again, as after its watchdog."""


_KINDS = {"panic": Crash, "hang": Hang, "reboot": Reset}


class Event(NamedTuple):
    """A fault of a kind that ends what the board is doing."""

    kind: str

    def happen(self) -> None:
        """Raise what the fault is."""
        raise _KINDS[self.kind]("Fatal exception in interrupt")


class Mischief:
    """The faults of one board; `settings` as `faults.check` returns them."""

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
        # About 20 ms a time: smooth, without a system call for each byte.
        self.burst = max(1, int(self._bytes_per_second / 50)) if baud else 4096
        self._left = settings.get("times", math.inf)
        seed = settings.get("seed", 0)
        drop = settings.get("drop", 0.0)
        self._noise = _Hits(settings.get("noise", 0.0), f"noise {seed}")
        self._drop_output = _Hits(settings.get("drop_output", drop), f"output {seed}")
        self._drop_input = _Hits(settings.get("drop_input", drop), f"input {seed}")
        self._printk = _Hits(settings.get("printk", 0.0), f"printk {seed}")
        self._random = random.Random(f"what {seed}")  # noqa: S311 - repeatable, not secret
        self._tails: dict[str, bytes] = {}
        self._happened: set[str] = set()

    def pending(self) -> list[str]:
        """Return the faults with a point that have not happened so far."""
        return [kind for kind in _KINDS if kind in self._settings and kind not in self._happened]

    def seconds_for(self, count: int) -> float:
        """Return how long `count` bytes take on this line."""
        return count / self._bytes_per_second

    def reach(self, point: str) -> None:
        """Raise the fault that is set for `point`, if there is one."""
        for kind in _KINDS:
            if self._settings.get(kind) == point:
                self._take(kind)

    def due(self, since_shell: float) -> float | None:
        """Raise a fault whose time has come; return seconds to the next one, None if none."""
        first = None
        for kind in _KINDS:
            when = self._settings.get(kind)
            if isinstance(when, int | float) and self._left > 0:
                if since_shell >= when:
                    self._take(kind)
                first = min(when - since_shell, math.inf if first is None else first)
        return first

    def watch(self, data: bytes) -> Iterator[tuple[bytes, Event | None]]:
        """Yield `data` in parts; after a part that ends in a text waited for, its event."""
        cuts = []
        for kind in _KINDS:
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
        yield data[:end], self._event(kind)

    def outgoing(self, data: bytes, kernel_since: float | None) -> bytes:
        """Return what of `data` reaches the other end, and what with it."""
        data = self._noise.insert(data, lambda: bytes([self._random.randrange(256)]))
        if kernel_since is not None:
            data = self._printk.insert(data, lambda: self.message(kernel_since))
        return self._drop_output.remove(data)

    def incoming(self, data: bytes) -> bytes:
        """Return what of the typed `data` reaches the board."""
        return self._drop_input.remove(data)

    def message(self, kernel_since: float) -> bytes:
        """Return a kernel message, a line."""
        stamp = b"[%12.6f] " % (time.monotonic() - kernel_since)
        return stamp + self._random.choice(_MESSAGES) + b"\r\n"

    def _take(self, kind: str) -> None:
        if self._left > 0:
            self._event(kind).happen()

    def _event(self, kind: str) -> Event:
        self._left -= 1
        self._happened.add(kind)
        return Event(kind)


class _Hits:
    """Which bytes of a stream are hit, each with the same probability."""

    def __init__(self, probability: float, seed: str) -> None:
        self._scale = math.log1p(-probability) if 0 < probability < 1 else -math.inf
        self._never = probability <= 0
        self._random = random.Random(seed)  # noqa: S311 - repeatable, not secret
        self._next = self._gap()

    def _gap(self) -> int:
        return int(math.log(1.0 - self._random.random()) / self._scale)

    def _in(self, length: int) -> Iterator[int]:
        if self._never:
            return
        at = self._next
        while at < length:
            yield at
            at += 1 + self._gap()
        self._next = at - length

    def remove(self, data: bytes) -> bytes:
        left, parts = 0, []
        for at in self._in(len(data)):
            parts.append(data[left:at])
            left = at + 1
        return b"".join([*parts, data[left:]])

    def insert(self, data: bytes, what: Any) -> bytes:
        left, parts = 0, []
        for at in self._in(len(data)):
            parts += [data[left:at], what()]
            left = at
        return b"".join([*parts, data[left:]])
