"""The console channel on bad lines: does each call arrive exactly once, byte for byte?

    bench/channel_noise.py [--calls 10000] [--seed 1] [--baud 9600] [--shell dash]

A real shell on a pty runs the board's scripts; at the other end is the real `Session`;
between them a line that a seeded generator spoils: kernel messages at any byte, characters
altered and lost both ways, delays, wraps and echoes. With --baud the line also takes its
time, and the board has a UART of 16 bytes without flow control, which overruns while the
board's interrupts are off: for as long as the kernel prints, and now and then besides.
"""

from __future__ import annotations

import argparse
import collections
import importlib.util
import os
import random
import re
import select
import sys
import tempfile
import threading
import time
from pathlib import Path

from lava_dispatcher_multinode.sync.calls import Api, Outcome, Status

HERE = Path(__file__).parent
FIFO = 16  # bytes that the board's UART holds
TICK = 0.004  # seconds between two looks at a line with a speed
ALTERED = 1 / 500  # of the characters are changed or lost, in each direction
HIT = 1 / 100  # of the lines have a kernel message in them
KERNEL = (
    b"\r\n[%5d.%06d] usb 1-1: new high-speed USB device <number> 2 using ehci-omap\r\n",
    b"[%5d.%06d] random: crng init done\r\n",
    b"\n[%5d.%06d] eth0: link down -> up, 100Mbps > 10Mbps, lpa 0x45E1\r\n",
    b"[%5d.%06d] CPU: 0 PID: 1 Comm: <idle> Tainted: G        W>\r\n[    1.000000] <LAVA_\r\n",
)
#: The board's login shell: it knows one command, and only as it was meant.
LOGIN = """trap : INT
while printf '# '; do
    read -r line || exit
    case $line in
    '{command}') {command} ;;
    *) echo "sh: not found" ;;
    esac
done"""
TEXTS = (
    " two  words ",
    "a=b==c",
    "it's",
    '"quoted"',
    "100 %040 %",
    "<a href='x'>",
    "\\n\\0101",
    "$(id) `id` ${x}",
    "*?[a]",
    ",a,,b,",
    "grüße",
    "日本語",
    "~~~~",
    "-n",
    "a\tb",
    "",
    "#!&;|",
    "<LAVA_MN A 12-3 4>",
    "<LAVA_SIGNAL_TESTCASE TEST_CASE_ID=x RESULT=fail>",
)


class Faults:
    """What one direction of a line does to what passes; the same each time for a seed."""

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
        """Return what comes out at the other end."""
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


class Line:
    """A console, by the contract of console.Console, over the master of a pty, spoilt."""

    def __init__(self, seed, baud=0, *, altered=ALTERED, kernel=True):
        self.master, self.slave = os.openpty()
        os.set_blocking(self.master, False)
        self.up = Faults(seed, kernel=kernel, altered=altered)
        self.down = Faults(seed + 1, altered=altered)
        self.rate = baud / 10  # bytes a second; 0: as fast as it goes
        self.counts = collections.Counter()
        self.seen = bytearray()
        self._mishaps = random.Random(seed + 2)
        self._woken = threading.Event()
        self._arrived = threading.Condition()
        self._from_board = []
        self._to_board = collections.deque()
        self._closed = False
        self._thread = threading.Thread(target=self._carry, daemon=True)
        self._thread.start()

    def read(self, timeout):
        """As console.Console."""
        with self._arrived:
            self._arrived.wait_for(lambda: self._from_board or self._woken.is_set(), timeout)
            self._woken.clear()
            data = b"".join(self._from_board)
            self._from_board.clear()
        return data

    def write(self, data):
        """As console.Console."""
        if self._mishaps.random() < 0.01:
            self.counts["echoes"] += 1
            self._deliver(data)
        with self._arrived:
            self._to_board.append(data)

    def wake(self):
        """As console.Console."""
        with self._arrived:
            self._woken.set()
            self._arrived.notify_all()

    def close(self):
        """Free the descriptors."""
        self._closed = True
        self._thread.join()
        os.close(self.master)
        os.close(self.slave)

    def _deliver(self, data):
        self.seen += data
        del self.seen[:-100_000]
        with self._arrived:
            self._from_board.append(data)
            self._arrived.notify_all()

    def _carry(self):
        uart = Uart(self._mishaps, self.counts)
        waiting = bytearray()  # at the dispatcher's end, to be sent
        before = time.monotonic()
        up = down = 0.0  # bytes that the line can carry by now
        while not self._closed:
            select.select([self.master], [], [], TICK if not self.rate else 0)
            if self.rate:
                time.sleep(TICK)
            now = time.monotonic()
            up = min(up + (now - before) * self.rate, 1000)
            down = min(down + (now - before) * self.rate, 1000)
            printed = self.up.counts["kernel messages"]
            data = self._take(int(up) if self.rate else 65536)
            up -= len(data)
            if data:
                if self._mishaps.random() < 0.005:
                    self.counts["delays"] += 1
                    time.sleep(self._mishaps.uniform(0.02, 0.4))
                self._deliver(self.up.spoil(data))
            if self.up.counts["kernel messages"] > printed and self.rate:
                uart.blind(now, 80 / self.rate)  # it polls its own output, interrupts off
            with self._arrived:
                while self._to_board:
                    waiting += self._to_board.popleft()
            count = min(int(down), len(waiting)) if self.rate else len(waiting)
            if not waiting:
                down = 0.0
            data = self.down.spoil(waiting[:count])
            down -= count if self.rate else 0
            del waiting[:count]
            if self.rate:
                data = uart.receive(data, before, now)
            self._give(data)
            before = now

    def _take(self, most):
        try:
            return os.read(self.master, most) if most else b""
        except BlockingIOError:
            return b""

    def _give(self, data):
        while data:
            try:
                data = data[os.write(self.master, data) :]
            except BlockingIOError:  # the terminal's own buffer is full
                if self.rate:
                    self.counts["bytes lost: terminal full"] += len(data)
                    return
                select.select([], [self.master], [], 1)


class Uart:
    """A receiver of 16 bytes, emptied by an interrupt, which is off now and then."""

    def __init__(self, generator, counts):
        self.random = generator
        self.counts = counts
        self.held = bytearray()
        self.blind_until = 0.0
        self.next_blind = time.monotonic()

    def blind(self, now, seconds):
        """Let the board see to something else for `seconds`."""
        self.blind_until = max(self.blind_until, now + seconds)

    def receive(self, data, start, end):
        """Take bytes that came evenly between two times; return those that the board read."""
        out = bytearray()
        for index, byte in enumerate(data, 1):
            now = start + (end - start) * index / len(data)
            while now >= self.next_blind:  # twice a second, for longer than the FIFO lasts or not
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


class Plan:
    """The calls of a run, what they carry, and what arrived of them."""

    def __init__(self, calls, seed, longest=60_000):
        generator = random.Random(seed)
        kinds = generator.choices(("send", "wait", "sync", "case"), (50, 35, 5, 10), k=calls)
        self.kinds = dict(enumerate(kinds))
        self.values = {n: self._value(generator, longest) for n in self.kinds}
        self.arrived = collections.Counter()
        self.wrong = []
        self.lock = threading.Lock()

    @staticmethod
    def _value(generator, longest):
        most = generator.choices((80, 1500, longest), (985, 14, 1))[0]
        size = generator.randrange(1 + min(most, longest))
        pieces = []
        while sum(map(len, pieces)) < size:
            pieces.append(generator.choice(TEXTS) or "x" * generator.randrange(20))
        return "".join(pieces).encode()[:size].decode(errors="ignore")

    def submit(self, call, on_outcome):
        """Be the coordinator."""
        number = int(call.id[1:])
        with self.lock:
            self.arrived[number] += 1
            if sum(self.arrived.values()) % 500 == 0:
                print(f"{sum(self.arrived.values())} calls at {time.ctime()}", file=sys.stderr)
            if call.api is Api.SEND and dict(call.data) != {"k": self.values[number]}:
                self.wrong.append(number)
        data = (("panda02", {"k": self.values[number]}),) if call.api is Api.WAIT else ()
        on_outcome(Outcome(Status.DONE, data))

    def steps(self, directory, workers):
        """Return a definition: `workers` shells that make the calls, each its share."""
        for worker in range(workers):
            lines = [self._line(n) for n in self.kinds if n % workers == worker]
            (directory / f"worker{worker}").write_text("\n".join(lines) + "\n")
        return (
            "pids=\n"
            f"for w in {' '.join(map(str, range(workers)))}; do\n"
            f". {directory}/worker$w 3>&1 >{directory}/out$w 2>{directory}/err$w &\n"
            'pids="$pids $!"\n'
            "done\nfor p in $pids; do wait $p; done"
        )

    def _line(self, number):
        quoted = "'" + self.values[number].replace("'", "'\\''") + "'"
        return {
            "send": f"lava-send m{number} k={quoted}",
            "wait": f"lava-wait m{number}",
            "sync": f"lava-sync m{number}",
            "case": f"lava-test-case c{number} --result pass --measurement {number} >&3",
        }[self.kinds[number]]

    def check(self, directory, workers, events):
        """Return the counts of what went right and wrong."""
        cases = collections.Counter(
            e["case"] for e in events if e["event"] == "test_case" and e["case"].startswith("c")
        )
        for number, kind in self.kinds.items():
            if kind == "case":
                self.arrived[number] = cases.pop(f"c{number}", 0)
        for worker in range(workers):
            lines = [
                b"k=" + self.values[n].encode()
                for n, kind in self.kinds.items()
                if n % workers == worker and kind == "wait"
            ]
            printed = (directory / f"out{worker}").read_bytes().split(b"\n")
            if printed[:-1] != lines:
                self.wrong.append(f"answers of worker {worker}")
            self.wrong += (directory / f"err{worker}").read_text().splitlines()[:3]
        return {
            "calls": len(self.kinds),
            "arrived once": sum(self.arrived[n] == 1 for n in self.kinds),
            "lost": sum(self.arrived[n] == 0 for n in self.kinds),
            "doubled": sum(self.arrived[n] > 1 for n in self.kinds),
            "wrong": len(self.wrong),
            "results of nobody": sum(cases.values()),
        }


def run(
    root,
    *,
    calls,
    seed,
    baud=0,
    shell="dash",
    workers=4,
    longest=60_000,
    timeout=3600.0,
    **options,
):
    """Make `calls` over a bad line; return counts of the calls and of the mishaps."""
    board_class = _tests().Board
    board = board_class(root, shell)
    board.console.close()
    line = board.console = Line(seed, baud)
    # What noise makes of a typed line must not be run: this is the host, not a board.
    board.interactive = [
        "-c",
        LOGIN.format(command=f"{board.lava}/bin/lava-test-runner {board.lava}/0"),
    ]
    plan = Plan(calls, seed, longest)
    board.group.submit = plan.submit
    work = root / "work"
    work.mkdir()
    try:
        board.run(plan.steps(work, workers), timeout=timeout, **options)
    finally:
        line.close()
    counts = plan.check(work, workers, board.events)
    if plan.wrong:
        print(plan.wrong[:10])
    for name, direction in (("from the board", line.up), ("to the board", line.down)):
        for what, count in sorted(direction.counts.items()):
            counts[f"{what} {name}"] = count
    counts |= line.counts
    for event in board.events:
        if match := re.match(r"(\d+) frames were sent again", event.get("text", "")):
            counts["frames to the board sent again"] = int(match[1])
    return counts


def _tests():
    path = HERE.parent / "tests" / "overlays" / "conftest.py"
    spec = importlib.util.spec_from_file_location("overlays_conftest", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--calls", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--baud", type=int, default=0)
    parser.add_argument("--fifo", type=int, default=0, help="flow control by pieces of so many")
    parser.add_argument("--shell", default="dash")
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--longest", type=int, default=60_000)
    arguments = parser.parse_args()
    # On a bad line the shell also gets garbage to run, as this user, on this host.
    if b"channel_noise" not in Path("/proc/1/cmdline").read_bytes():
        sys.exit(
            "run it where it sees no processes but its own, as a user who owns nothing here:\n"
            "    unshare --user --map-root-user --pid --fork --mount-proc --kill-child "
            f"{sys.executable} {' '.join(sys.argv)}"
        )
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as root:
        counts = run(Path(root), **vars(arguments))
    for what, count in counts.items():
        print(f"{count:>12}  {what}")
    print(f"{time.monotonic() - start:>12.1f}  seconds")
    return 0 if counts["arrived once"] == counts["calls"] and not counts["wrong"] else 1


if __name__ == "__main__":
    sys.exit(main())
