"""Test the console channel on bad lines: each call must arrive exactly once, unchanged.

    bench/channel_noise.py [--calls 10000] [--seed 1] [--baud 9600 --fifo 16 --lines 25]
                           [--shell dash]

A simulated board in namespaces, with a real shell, runs the on-board scripts; the real `Console`
and `ShellSession` are at the other end. After the delivery of the overlay, a seeded generator
injects faults into the line: kernel messages at any byte, characters altered and lost in both
directions, delays, wraps and echoes. With --baud the line has a limited speed, and the board has
a UART with a FIFO of 16 bytes without flow control, which overruns while its interrupts are off:
during kernel messages and at random times. With --lines the calls are distributed over this many
boards, each with its own line and seed, at the same time: a slow line leaves the processor idle.

A shell on a bad line may run arbitrary commands. The program therefore refuses to run without
namespaces.
"""

from __future__ import annotations

import argparse
import collections
import concurrent.futures
import gzip
import io
import random
import re
import sys
import tarfile
import tempfile
import threading
import time
from pathlib import Path

import bad_line

from lava_dispatcher_multinode.boards.hardware import connect
from lava_dispatcher_multinode.boards.shell_files import ShellUploader
from lava_dispatcher_multinode.boards.standard_board import StandardBoard
from lava_dispatcher_multinode.console.board_console import Console
from lava_dispatcher_multinode.console.transcript import Transcript
from lava_dispatcher_multinode.deadline import Deadline
from lava_dispatcher_multinode.errors import InfrastructureError, MultinodeError
from lava_dispatcher_multinode.images.card import write_card
from lava_dispatcher_multinode.lab.layers import PACKAGE_DEFAULTS, Layers
from lava_dispatcher_multinode.multinode.api import Api, Outcome, Status
from lava_dispatcher_multinode.overlay.environment import environment
from lava_dispatcher_multinode.overlay.layout import runner_command
from lava_dispatcher_multinode.overlay.tarball import load_scripts
from lava_dispatcher_multinode.simulator.simulated_lab import SimulatedLab
from lava_dispatcher_multinode.testshell.session import ShellSession

IMAGE = Path(__file__).parents[1] / "examples" / "images" / "panda.img.gz"
PLACE = "lava-7/0/tests/0_noise"
GROUP = [("panda01", "client"), ("panda02", "client")]
SIMULATED = {
    "device_type": "panda",
    "connection": {"simulated": True},
    "power": {"simulated": True},
}
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


class Plan:
    """The calls of a run, their data, and what has arrived.

    The data that a lava-wait printed is sent back by a further call.
    """

    def __init__(self, calls, seed, longest=60_000):
        self.random = random.Random(seed)
        self.kinds = {}
        self.calls = 0
        while self.calls < calls:
            kind = self.random.choices(("send", "wait", "sync", "case"), (55, 25, 5, 15))[0]
            self.kinds[len(self.kinds)] = kind
            self.calls += 2 if kind == "wait" else 1
        self.values = {n: self._value(longest) for n in self.kinds}
        self.arrived = collections.Counter()  # by ID: m1 a send or a wait, e1 printed data
        self.wrong = []
        self.lock = threading.Lock()

    def _value(self, longest):
        most = self.random.choices((80, 1500, longest), (985, 14, 1))[0]
        size = self.random.randrange(1 + min(most, longest))
        pieces = []
        while sum(map(len, pieces)) < size:
            pieces.append(self.random.choice(TEXTS) or "x" * self.random.randrange(20))
        return "".join(pieces).encode()[:size].decode(errors="ignore")

    def submit(self, call, on_outcome):
        """Accept a call, in place of the coordinator."""
        value = None
        with self.lock:
            if call.id == "complaints":
                self.wrong += [call.data["text"]] if call.data["text"] else []
            else:
                value = self.values[int(call.id[1:])]
                self.arrived[call.id] += 1
                if call.api is Api.SEND and dict(call.data) != {"k": value}:
                    self.wrong.append(call.id)
        data = (("panda02", {"k": value}),) if call.api is Api.WAIT else ()
        on_outcome(Outcome(Status.DONE, data))

    def files(self, workers):
        """Return a definition of `workers` shells that share the calls."""
        run = (
            f"set -e\ncd /{PLACE}\nexport TESTRUN_ID=0_noise LC_ALL=C.UTF-8\npids=\n"
            f"for w in {' '.join(map(str, range(workers)))}; do\n"
            '. ./worker$w 2>err$w &\npids="$pids $!"\n'
            "done\nfor p in $pids; do wait $p; done\n"
            "lava-send complaints text=\"$(cat err* | tr '\\n' ' ' | cut -c 1-1000)\"\n"
        )
        files = {"run.sh": run, "uuid": "u-u-i-d\n"}
        for worker in range(workers):
            lines = [self._line(n) for n in self.kinds if n % workers == worker]
            files[f"worker{worker}"] = "\n".join(lines) + "\n"
        return files

    def _line(self, number):
        quoted = "'" + self.values[number].replace("'", "'\\''") + "'"
        return {
            "send": f"lava-send m{number} k={quoted}",
            "wait": f'lava-send e{number} "$(lava-wait m{number})"',
            "sync": f"lava-sync m{number}",
            "case": f"lava-test-case c{number} --result pass --measurement {number}",
        }[self.kinds[number]]

    def check(self, events):
        """Return the counts of delivered, lost and wrong calls."""
        expected = set()
        for number, kind in self.kinds.items():
            expected |= {f"{'c' if kind == 'case' else 'm'}{number}"}
            expected |= {f"e{number}"} if kind == "wait" else set()
        assert len(expected) == self.calls
        for event in events:
            name = event.get("case", "-")
            if event["event"] == "test_case" and re.match(r"c\d", name):
                self.arrived[name] += 1
                if event["measurement"] != float(name[1:]):
                    self.wrong.append(name)
        return {
            "calls": self.calls,
            "arrived once": sum(self.arrived[name] == 1 for name in expected),
            "lost": sum(self.arrived[name] == 0 for name in expected),
            "duplicated": sum(self.arrived[name] > 1 for name in expected),
            "unexpected": len(set(self.arrived) - expected),
            "wrong": len(self.wrong),
        }


def archive(plan, workers, shell):
    """Return an overlay with the plan's definition, whose scripts use `shell`."""
    place = f"/usr/bin/{shell}" if shell != "busybox" else "/usr/bin/busybox sh"
    files = {f"lava-7/{s.path}": (s.content, s.mode) for s in load_scripts()}
    files = {
        path: (re.sub(rb"\A#!/bin/sh", f"#!{place}".encode(), content), mode)
        for path, (content, mode) in files.items()
    }
    variables = environment(job_id="7", node="panda01", role="client", group=GROUP)
    files["lava-7/environment"] = variables.encode(), 0o644
    files["lava-7/0/lava-test-runner.conf"] = b"tests/0_noise\n", 0o644
    for name, text in plan.files(workers).items():
        files[f"{PLACE}/{name}"] = text.encode(), 0o644
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        for path, (content, mode) in files.items():
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode = len(content), mode
            tar.addfile(entry, io.BytesIO(content))
    return stream.getvalue()


def run(
    root, *, calls, seed, baud=0, fifo=0, shell="dash", workers=4, longest=60_000, timeout=3600.0
):
    """Make `calls` over a bad line; return counts of calls and faults.

    Raise `InfrastructureError` if the host does not permit namespaces.
    """
    plan = Plan(calls, seed, longest)
    events = []
    device = Layers((PACKAGE_DEFAULTS,)).device("panda01", SIMULATED)
    start = began = time.monotonic()
    deadline = Deadline(timeout, "the bench")
    with SimulatedLab(root / "lab", confinement="namespaces") as lab:
        process = lab.add("panda01", device.simulated_firmware, {})
        write_card(io.BytesIO(gzip.decompress(IMAGE.read_bytes())), process.card, "master")
        hardware = connect(device, process)
        line = bad_line.BadLine(hardware.transport, seed, baud)
        console = Console(line, Transcript(root, lambda: time.monotonic() - start))
        board = StandardBoard(
            device, console, hardware, lambda _step: None, lambda _event, /, **_fields: None
        )
        try:
            terminal = board.boot(deadline)
            ShellUploader(terminal).upload(archive(plan, workers, shell), "/overlay.tgz")
            code, output = terminal.run("tar -xzf /overlay.tgz -C /")
            assert code == 0, output
            session = ShellSession(
                console,
                node="panda01",
                submit=plan.submit,
                emit=lambda event, **fields: events.append({"event": event, **fields}),
                clock=time.monotonic,
                fifo=fifo,
            )
            line.bad = True
            began = time.monotonic()
            with board.watched(), console.lossless():
                session.run(runner_command("7", 0), deadline.at)
        except MultinodeError as error:
            plan.wrong.append(f"{type(error).__name__}: {error}")
        finally:
            line.bad = False
            console.close()
    counts = plan.check(events)
    if plan.wrong:
        print(plan.wrong[:10])
    counts["seconds"] = round(time.monotonic() - began, 1)
    for name, direction in (("from the board", line.up), ("to the board", line.down)):
        for what, count in sorted(direction.counts.items()):
            counts[f"{what} {name}"] = count
    counts |= line.counts
    for event in events:
        if match := re.match(r"(\d+) frames were sent again", event.get("text", "")):
            counts["frames to the board sent again"] = int(match[1])
    return counts


def good(counts):
    """Return True if every call has arrived once and unchanged, and no other."""
    spurious = counts["wrong"] + counts["unexpected"]
    return counts["arrived once"] == counts["calls"] and not spurious


def run_line(number, options):
    """Make the calls of one line; return its counts."""
    lines = options.pop("lines")
    options["seed"] += number
    options["calls"] = -(-options["calls"] // lines)
    with tempfile.TemporaryDirectory() as root:
        return run(Path(root), **options)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--calls", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--baud", type=int, default=0)
    parser.add_argument("--fifo", type=int, default=0, help="flow control by pieces of so many")
    parser.add_argument("--lines", type=int, default=1, help="boards at the same time")
    parser.add_argument("--shell", default="dash")
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--longest", type=int, default=60_000)
    parser.add_argument("--timeout", type=float, default=3600.0)
    options = vars(parser.parse_args())
    counts = collections.Counter()
    with concurrent.futures.ProcessPoolExecutor(options["lines"]) as boards:
        shares = [boards.submit(run_line, n, dict(options)) for n in range(options["lines"])]
        try:
            for share in concurrent.futures.as_completed(shares):
                line = share.result()
                seconds = max(counts["seconds"], line["seconds"])
                counts += collections.Counter(line)
                counts["seconds"] = seconds
        except InfrastructureError as error:
            sys.exit(f"not without walls around the shell: {error}")
    for what in {**line, **counts}:
        print(f"{counts[what]:>12}  {what}")
    return 0 if good(counts) else 1


if __name__ == "__main__":
    sys.exit(main())
