"""Soak test: run a mixed job repeatedly with random faults, and count the failures.

    python bench/soak.py [--minutes 30] [--seed 1] [--keep DIR]

Two to five boards of two types and roles send, wait and synchronise. Each round injects one
fault of FAULTS into a board, into the job or into the dispatcher. After each round the exit
code must be one that the fault allows, the results must be complete, and no process and no
scratch file may be left. The directory of a failed round is copied to DIR.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[1]
COMMAND = Path(sys.executable).with_name("lava-dispatch")
ROUND_TIMEOUT_S = 120.0
MESSAGE_ROUNDS = 3
DEVICE_DEFAULTS = "boot: {timeout: 15, retries: 2}\nlogin: {}\n"

#: By name: a fault of a board (LAVA_SIMULATED_FAULTS), a step added to the job, a signal to the
#: dispatcher with its maximum delay in seconds, and the allowed exit codes.
FAULTS = {
    "none": ("", None, None, {0}),
    "slow line": ("slow=57600", None, None, {0}),
    "kernel messages in every third line": ("printk=0.01", None, None, {0}),
    "characters lost": ("drop=0.0005", None, None, {0, 3}),
    "garbage": ("noise=0.0005", None, None, {0, 3}),
    "panic at boot, once": ("panic=kernel,times=1", None, None, {0}),
    "panic at boot": ("panic=login", None, None, {3}),
    "panic in the test": ("panic=text:round-2", None, None, {3}),
    "hang at boot": ("hang=kernel", None, None, {3}),
    "hang at boot, once": ("hang=uboot,times=1", None, None, {0}),
    "reset in the test": ("reboot=text:round-2", None, None, {3}),
    "power switch does nothing": ("power=dead", None, None, {3}),
    "a test fails": ("", "lava-test-case broken --shell false", None, {1}),
    "a script ends early": ("", "exit 3", None, {1}),
    "a deadlock": ("", "lava-wait never", None, {1}),
    "Ctrl-C": ("", None, (signal.SIGINT, 2.0), {130, 0}),
    # -15: terminated before the command had installed its signal handlers
    "terminated": ("", None, (signal.SIGTERM, 2.0), {130, 0, -15}),
    "killed": ("", None, (signal.SIGKILL, 2.0), {-9, 0}),
}


@dataclass
class Score:
    """Results of the rounds with one fault."""

    codes: Counter[int] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


def job(chance, extra):
    """Return a job for two to five boards; `extra` is inserted into the steps of one role."""
    steps = []
    for number in range(1, MESSAGE_ROUNDS + 1):
        steps += [
            f"lava-send data-{number} n={number} 'text=a b%={chance.random()}'",
            f"lava-wait-all data-{number}",
            f"lava-sync round-{number}",
            f"lava-test-case round-{number} --shell true",
        ]
    place = chance.randrange(len(steps))
    return {
        "timeout": 60,
        "multinode": {"deadlock_grace": 1},
        "device_group": [
            {"role": "server", "count": chance.randint(1, 2), "device_type": "panda"},
            {"role": "client", "count": chance.randint(1, 3), "device_type": "beaglexm"},
        ],
        "actions": [
            *(
                {
                    "command": "deploy_linaro_image",
                    "parameters": {
                        "role": role,
                        "image": str(ROOT / "examples" / "images" / f"{kind}.img.gz"),
                    },
                }
                for role, kind in (("server", "panda"), ("client", "beaglexm"))
            ),
            shell("server", [*steps[:place], *([extra] if extra else []), *steps[place:]]),
            shell("client", steps),
        ],
    }


def shell(role, steps):
    """Return a lava_test_shell action for `role`."""
    definition = {"metadata": {"name": "soak"}, "run": {"steps": steps}}
    parameters = {"role": role, "definitions": [definition]}
    return {"command": "lava_test_shell", "parameters": parameters}


def run_round(directory, chance, name):
    """Run a round in `directory`; return the exit code and the failure or None."""
    fault, extra, interruption, expected = FAULTS[name]
    (directory / "tmp").mkdir(parents=True)
    (directory / "bin").mkdir()
    layers = directory / "lab"
    layers.mkdir()
    (layers / "device-defaults.yaml").write_text(DEVICE_DEFAULTS)
    (directory / "job.json").write_text(json.dumps(job(chance, extra), indent=1))
    board = chance.choice(["panda01", "beaglexm01"])
    environ = {key: value for key, value in os.environ.items() if not key.startswith("LAVA_")}
    environ |= {
        "TMPDIR": str(directory / "tmp"),
        "PATH": f"{directory / 'bin'}:{os.environ['PATH']}",  # marks the processes
    }
    if fault:
        environ["LAVA_SIMULATED_FAULTS"] = f"{board}:{fault},seed={chance.randrange(1 << 16)}"
    with (directory / "output").open("wb") as output:
        process = subprocess.Popen(
            [
                COMMAND,
                "--simulate",
                *("--config-dir", layers),
                *("--output-dir", directory / "out"),
                directory / "job.json",
            ],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.PIPE,
            env=environ,
            start_new_session=True,
        )
        if interruption is not None:
            number, max_delay = interruption
            time.sleep(chance.uniform(0.0, max_delay))
            process.send_signal(number)
        try:
            error = process.communicate(timeout=ROUND_TIMEOUT_S)[1]
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            return process.returncode, f"still running after {ROUND_TIMEOUT_S:g} s"
        output.write(error)
    return process.returncode, failure_of(directory, process.returncode, expected, error)


def failure_of(directory, code, expected, error):
    """Return what is wrong with a round that has ended, or None."""
    if code not in expected:
        return f"exit code {code}"
    if b"Traceback" in error:
        return "a traceback"
    if left := list((directory / "tmp").iterdir()):
        return f"left behind: {left}"
    if running := processes(directory):
        return f"still running: {running}"
    events = directory / "out" / "events.jsonl"
    if events.exists() and events.stat().st_size:
        lines = [json.loads(line) for line in events.read_bytes().splitlines()]
        if lines[-1]["event"] != "job_finished":
            return "events.jsonl has no job_finished"
        results = json.loads((directory / "out" / "results.json").read_text())
        if results["exit_code"] != (code if code >= 0 else results["exit_code"]):
            return f"exit code {results['exit_code']} in results.json"
        if [node for node in results["nodes"].values() if not node["status"]]:
            return "a node without a status"
    return None


def processes(directory):
    """Return the command lines of the processes whose PATH begins with the round's directory."""
    wanted = f"PATH={directory / 'bin'}:".encode()
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if any(
                    i.startswith(wanted) for i in (entry / "environ").read_bytes().split(b"\0")
                ):
                    found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode())
            except OSError:
                continue
    return found


def main():
    """Run rounds until the time is over; print a table by fault; return 1 if a round failed."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, default=Path(tempfile.gettempdir(), "soak-failures"))
    options = parser.parse_args()
    chance = random.Random(options.seed)
    until = time.monotonic() + 60 * options.minutes
    scores = defaultdict(Score)
    rounds = 0
    with tempfile.TemporaryDirectory() as scratch:
        while time.monotonic() < until:
            rounds += 1
            name = chance.choice(list(FAULTS))
            directory = Path(scratch, str(rounds))
            began = time.monotonic()
            code, reason = run_round(directory, chance, name)
            score = scores[name]
            score.codes[code] += 1
            score.seconds.append(time.monotonic() - began)
            if reason:
                score.failures.append(f"round {rounds}: {reason}")
                print(f"{name}: round {rounds}: {reason}", flush=True)
                shutil.copytree(
                    directory, options.keep / f"{options.seed}-{rounds}", symlinks=True
                )
            shutil.rmtree(directory)
    print(f"{rounds} rounds in {options.minutes:g} minutes, seed {options.seed}")
    print(f"{'fault':38}{'rounds':>7}{'failed':>7}{'longest s':>11}  exit codes")
    for name, score in sorted(scores.items()):
        codes = ", ".join(f"{code}: {count}" for code, count in sorted(score.codes.items()))
        longest = max(score.seconds)
        print(f"{name:38}{len(score.seconds):7}{len(score.failures):7}{longest:11.1f}  {codes}")
    return 1 if any(score.failures for score in scores.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
