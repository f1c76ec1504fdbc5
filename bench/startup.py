"""Measure the start-up time of commands, in milliseconds and relative to a bare interpreter.

python bench/startup.py
"""

import subprocess
import sys
import time
from pathlib import Path

EXAMPLES = Path(__file__).parents[1] / "examples"
DISPATCH = str(Path(sys.executable).parent / "lava-dispatch")
COMMANDS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "--help": [DISPATCH, "--help"],
    "--validate --simulate seed.json": [
        DISPATCH, "--validate", "--simulate", str(EXAMPLES / "seed.json"),
    ],
}  # fmt: skip
RUNS = 9


def best(command):
    """Return the shortest of `RUNS` durations, in seconds."""
    seconds = []
    for _ in range(RUNS):
        began = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        seconds.append(time.perf_counter() - began)
    return min(seconds)


def main():
    """Print each command's milliseconds and its ratio to a bare interpreter."""
    bare = None
    for name, command in COMMANDS.items():
        seconds = best(command)
        bare = bare or seconds
        print(f"{name:36}{1000 * seconds:7.0f} ms{seconds / bare:7.1f} x")


if __name__ == "__main__":
    main()
