"""Boot times of emulated boards: power-on to U-Boot, to a shell, to the first test result.

    python bench/emulated.py [--boards 1 3] [--machine virt]

Each number of boards runs the same job. Seconds count from the power-on of each board.
Memory is the maximum of all QEMU processes together, sampled ten times a second.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

EXAMPLES = Path(__file__).parents[1] / "examples"
COMMAND = Path(sys.executable).parent / "lava-dispatch"
STAGES = ("U-Boot's prompt", "shell", "first result")


def job(boards):
    definition = {
        "metadata": {"format": "Lava-Test Test Definition 1.0", "name": "bench"},
        "run": {"steps": ["lava-test-case alive --shell true"]},
    }
    return {
        "timeout": 900,
        "job_name": "bench",
        "device_group": [{"role": "board", "count": boards, "device_type": "panda"}],
        "actions": [
            {
                "command": "deploy_linaro_image",
                "parameters": {"image": str(EXAMPLES / "images" / "panda.img.gz")},
            },
            {"command": "lava_test_shell", "parameters": {"definitions": [definition]}},
        ],
    }


def rss(parent):
    """Return the resident MiB of the QEMU processes below `parent`."""
    done = subprocess.run(
        ["ps", "-o", "rss=,comm=", "--ppid", str(parent)],
        check=False,
        capture_output=True,
        text=True,
    )
    lines = (line.split() for line in done.stdout.splitlines())
    return sum(int(size) for size, *name in lines if name[0].startswith("qemu")) / 1024


def run(boards, machine):
    """Run the job once; return its events and its maximum memory in MiB."""
    with tempfile.TemporaryDirectory() as scratch:
        top = Path(scratch)
        layer = top / "lab" / "device-types"
        layer.mkdir(parents=True)
        (layer / "panda.yaml").write_text(f"connection: {{qemu: {{machine: {machine}}}}}\n")
        (top / "job.json").write_text(json.dumps(job(boards)))
        peak, over = [0.0], threading.Event()
        with subprocess.Popen(
            [COMMAND, "--emulate", "-q", "--config-dir", top / "lab", "--output-dir", top / "out",
             top / "job.json"],
            stdout=subprocess.DEVNULL,
        ) as process:  # fmt: skip

            def watch():
                while not over.wait(0.1):
                    peak[0] = max(peak[0], rss(process.pid))

            watcher = threading.Thread(target=watch)
            watcher.start()
            code = process.wait()
            over.set()
            watcher.join()
        if code:
            sys.exit(f"the job failed: exit code {code}")
        lines = (top / "out" / "events.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines], peak[0]


def times(events):
    """Return, for each node, the seconds from the power-on of its last boot to each stage."""
    found = {}
    for node in {event["node"] for event in events if event["event"] == "boot_started"}:
        at = {}
        for event in (event for event in events if event.get("node") == node):
            if event["event"] == "boot_started":
                at.clear()
            at.setdefault(event["event"], []).append(event["t"])
        # The steps of a boot: the power-on, the wait for U-Boot's prompt, and each command there.
        power_on, _, prompt = at["step"][:3]
        reached = (prompt, at["boot_finished"][0], at["test_case"][0])
        found[node] = {name: t - power_on for name, t in zip(STAGES, reached, strict=True)}
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--boards", type=int, nargs="+", default=[1, 3])
    parser.add_argument("--machine", default="virt")
    options = parser.parse_args()
    run(1, options.machine)  # builds the test image if it is missing
    print(f"{'boards':>6} {'':12}" + "".join(f"{name:>18}" for name in STAGES) + "   MiB")
    for boards in options.boards:
        events, memory = run(boards, options.machine)
        nodes = times(events).values()
        for which, choose in (("first board", min), ("last board", max)):
            row = "".join(f"{choose(node[name] for node in nodes):>16.1f} s" for name in STAGES)
            print(f"{boards:>6} {which:12}{row} {memory:>5.0f}")


if __name__ == "__main__":
    main()
