"""Measure reports of a large run: seconds, size and memory of each format.

    python bench/report.py [--nodes 40] [--kilobytes 250] [--cases 50]

The run is synthetic: events and console.log of every node, with kernel-like lines. Each format
is generated in a separate process; memory is the peak of that process, compared with a process
that only reads the events.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import tempfile
import time
from pathlib import Path

from lava_dispatcher_multinode.report import files
from lava_dispatcher_multinode.report.consoles import Consoles
from lava_dispatcher_multinode.report.inputs import ReportInputs
from lava_dispatcher_multinode.run.events import EventLog

LINE = "[   12.345678] usb 1-1: new high-speed USB device number {} using ehci-omap\n"


def make_run(directory: Path, nodes: int, kilobytes: int, cases: int) -> None:
    names = [f"panda{number:03}" for number in range(nodes)]
    now = [0.0]
    with EventLog(directory / "events.jsonl", lambda: now[0]) as log:
        about = {name: {"role": "client", "device_type": "panda"} for name in names}
        job = {"name": "large", "id": "1", "file": "large.json"}
        log.emit("job_started", job=job, started="2026-11-22T14:00:00Z", nodes=about)
        for name in names:
            log.emit("action_started", node=name, index=0, command="lava_test_shell")
        for case in range(cases):
            now[0] = float(case)
            for name in names:
                fields = {"node": name, "definition": "0_large", "case": f"case-{case}"}
                result = "fail" if case == cases - 1 else "pass"
                log.emit("test_case", **fields, result=result, start=case - 0.5, end=case)
                if not case % 10:
                    log.emit("message", id=f"m{case}", **{"from": name}, data={"k": "v"})
        for name in names:
            log.emit("node_finished", node=name, status="fail", error_type="test", error=None)
        log.emit("job_finished", status="fail", exit_code=1, finished="2026-11-22T14:10:00Z")
    lines = kilobytes * 1000 // (len(LINE) + 15)
    for name in names:
        folder = directory / "nodes" / name
        folder.mkdir(parents=True)
        with open(folder / "console.log", "w", encoding="ascii") as file:
            file.writelines(
                f"[{number * cases / lines:12.6f}] {LINE.format(number)}"
                for number in range(lines)
            )


def measure(directory: Path, kind: str | None, answer: multiprocessing.SimpleQueue) -> None:
    began = time.perf_counter()
    results = files.read_results(directory)
    read = time.perf_counter()
    text = files.render(results, kind, ReportInputs(Consoles(directory))) if kind else ""
    made = time.perf_counter()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    answer.put((read - began, made - read, len(text) / 1e6, peak))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--nodes", type=int, default=40)
    parser.add_argument("--kilobytes", type=int, default=250, help="of console, each node")
    parser.add_argument("--cases", type=int, default=50, help="of each node")
    options = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as scratch:
        directory = Path(scratch)
        make_run(directory, options.nodes, options.kilobytes, options.cases)
        print(
            f"{options.nodes} nodes, {options.kilobytes} kB of console and {options.cases} cases"
        )
        print(f"{'format':8} {'read s':>7} {'make s':>7} {'MB':>7} {'peak MB':>8}")
        for kind in (None, *files.FORMATS):
            answer = context.SimpleQueue()
            process = context.Process(target=measure, args=(directory, kind, answer))
            process.start()
            read, made, size, peak = answer.get()
            process.join()
            print(f"{kind or 'events':8} {read:7.3f} {made:7.3f} {size:7.2f} {peak:8.1f}")


if __name__ == "__main__":
    main()
