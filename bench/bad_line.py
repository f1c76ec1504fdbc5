"""A simulated bad serial line: a transport that wraps another and injects seeded faults."""

from __future__ import annotations

import collections
import random
import threading
import time

from lava_dispatcher_multinode.errors import ConsoleError

FIFO = 16  # size of the board's UART FIFO in bytes
TICK = 0.004  # seconds; data of a slow line is transferred per tick
ALTERED = 1 / 500  # probability that a character is altered or lost, per direction
HIT = 1 / 100  # probability of a kernel message in a line
KERNEL = (
    b"\r\n[%5d.%06d] usb 1-1: new high-speed USB device <number> 2 using ehci-omap\r\n",
    b"[%5d.%06d] random: crng init done\r\n",
    b"\n[%5d.%06d] eth0: link down -> up, 100Mbps > 10Mbps, lpa 0x45E1\r\n",
    b"[%5d.%06d] CPU: 0 PID: 1 Comm: <idle> Tainted: G        W>\r\n[    1.000000] <LAVA_\r\n",
)


class Faults:
    """The faults of one direction of a line; reproducible for a seed."""

    def __init__(self, seed, *, kernel=False, altered=ALTERED):
        self.random = random.Random(seed)
        self.kernel = kernel
        self.altered = altered
        self.gap = self._gap()
        self.hit_at = None  # bytes from here to the next kernel message
        self.counts = collections.Counter()

    def _gap(self):
        return int(self.random.expovariate(self.altered)) if self.altered else 1 << 60

    def spoil(self, data):
        """Return the data that arrives at the other end."""
        out = bytearray()
        for byte in data:
            if self.hit_at is not None:
                if self.hit_at == 0:
                    self._print(out)
                self.hit_at = self.hit_at - 1 if self.hit_at else None
            if self.gap:
                self.gap -= 1
                out.append(byte)
            else:
                self._damage(out, byte)
            if byte == 10 and self.kernel:
                self.counts["lines"] += 1
                if self.hit_at is None and self.random.random() < HIT:
                    self.hit_at = self.random.randrange(150)
                elif self.random.random() < HIT / 5:
                    out += self.random.choice((b"\r\n", b" \r", b"\x1b[K\r\r\n"))
                    self.counts["wraps"] += 1
        self.counts["bytes"] += len(data)
        return bytes(out)

    def _damage(self, out, byte):
        self.gap = self._gap()
        if self.random.random() < 0.5:
            self.counts["lost"] += 1
        else:
            self.counts["altered"] += 1
            out.append(byte ^ 1 << self.random.randrange(8))

    def _print(self, out):
        message = self.random.choice(KERNEL)
        out += message % (self.random.randrange(99999), self.random.randrange(10**6))
        self.counts["kernel messages"] += 1


class Uart:
    """A UART with a FIFO of 16 bytes, which overruns while interrupts are off."""

    def __init__(self, generator, counts):
        self.random = generator
        self.counts = counts
        self.held = bytearray()
        self.blind_until = 0.0
        self.next_blind = time.monotonic()

    def blind(self, now, seconds):
        """Turn the board's interrupts off for `seconds`."""
        self.blind_until = max(self.blind_until, now + seconds)

    def receive(self, data, start, end):
        """Receive bytes spread evenly between two times; return those that the board reads."""
        out = bytearray()
        for index, byte in enumerate(data, 1):
            now = start + (end - start) * index / len(data)
            while now >= self.next_blind:  # twice a second, shorter or longer than the FIFO lasts
                self.blind(self.next_blind, self.random.uniform(0.005, 0.05))
                self.next_blind += self.random.expovariate(2)
            if now >= self.blind_until:
                out += self.held
                self.held.clear()
                out.append(byte)
            elif len(self.held) < FIFO:
                self.held.append(byte)
            else:
                self.counts["bytes lost: UART overrun"] += 1
        if self.held and end >= self.blind_until:
            out += self.held
            self.held.clear()
        return bytes(out)


class BadLine:
    """A `console.transport.Transport` around another; faultless until `bad` is set.

    `baud` 0: full speed with flow control. Otherwise the board has a `Uart` whose interrupts
    are off while the kernel prints, and at random times.
    """

    def __init__(self, inner, seed, baud=0, *, altered=ALTERED, kernel=True):
        self.inner = inner
        self.name = inner.name
        self.up = Faults(seed, kernel=kernel, altered=altered)
        self.down = Faults(seed + 1, altered=altered)
        self.counts = collections.Counter()
        self.bad = False
        self._rate = baud / 10  # bytes per second
        self._mishaps = random.Random(seed + 2)
        self._uart = Uart(random.Random(seed + 3), self.counts)
        self._coming = b""  # read from the board, still in transit
        self._free_at = 0.0  # when the line to the dispatcher is free
        self._echoes = collections.deque()
        self._going = collections.deque()
        self._to_send = threading.Condition()
        self._closed = False
        self._sender = threading.Thread(target=self._send, daemon=True)
        self._sender.start()

    def read(self):
        """See transport.Transport."""
        while True:
            if not self._coming:
                data = self.inner.read()
                if not data or not self.bad:
                    return data
                while self._echoes:
                    data += self._echoes.popleft()
                if self._mishaps.random() < 0.005:
                    self.counts["delays"] += 1
                    time.sleep(self._mishaps.uniform(0.02, 0.4))
                self._coming = data
            data = self._pass() if self._rate else self._coming
            self._coming = self._coming[len(data) :]
            printed = self.up.counts["kernel messages"]
            spoilt = self.up.spoil(data)
            if self._rate and self.up.counts["kernel messages"] > printed:
                self._uart.blind(time.monotonic(), 80 / self._rate)
            if spoilt:
                return spoilt

    def _pass(self):
        """Return the data of a tick, at its end."""
        data = self._coming[: max(1, int(self._rate * TICK))]
        self._free_at = max(self._free_at, time.monotonic()) + len(data) / self._rate
        time.sleep(max(0.0, self._free_at - time.monotonic()))
        return data

    def write(self, data):
        """See transport.Transport."""
        if not self.bad:
            self.inner.write(data)
            return
        if self._mishaps.random() < 0.01:
            self.counts["echoes"] += 1
            self._echoes.append(data)
        if not self._rate:
            self.inner.write(self.down.spoil(data))
            return
        with self._to_send:
            self._going.append(data)
            self._to_send.notify()

    def _send(self):
        """Transfer the output to the board at the line's speed."""
        size = max(1, int(self._rate * TICK))
        end = 0.0
        while True:
            with self._to_send:
                self._to_send.wait_for(lambda: self._going or self._closed, timeout=TICK)
                if self._closed:
                    return
                data = self._going.popleft() if self._going else b""
            for at in range(0, len(data) or 1, size):
                piece = data[at : at + size]
                start = max(end, time.monotonic())
                end = start + len(piece) / self._rate if self._rate else start
                time.sleep(max(0.0, end - time.monotonic()))
                arrived = self._uart.receive(self.down.spoil(piece), start, end)
                try:
                    self.inner.write(arrived)
                except ConsoleError:
                    if self._closed:  # closed during the write
                        return
                    raise

    def close(self):
        """See transport.Transport."""
        with self._to_send:
            self._closed = True
            self._to_send.notify()
        self.inner.close()

    def release(self):
        """See transport.Transport."""
        self._sender.join()
        self.inner.release()
