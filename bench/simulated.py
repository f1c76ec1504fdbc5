"""One job with 2, 10 and 40 simulated boards: wall time, and the dispatcher's own CPU.

    python bench/simulated.py [N ...]

The boards themselves are processes of their own, and not in the figures, though on
one machine they share the cores.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

IMAGE = Path(__file__).parents[1] / "examples" / "images" / "panda.img.gz"
# In a process of its own, so that nothing of one size is in the figures of the next.
RUN = """
import json, resource, sys
from lava_dispatcher_multinode.commands.dispatch import main
code = main(sys.argv[1:])
used = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps([code, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024]))
"""


def job(count):
    """Return a job that synchronises `count` pandas ten times."""
    steps = [f"lava-sync round-{number}" for number in range(10)]
    steps += ["lava-send data from=$(lava-self)", "lava-wait-all data"]
    steps.append("lava-test-case alive --shell true")
    definition = {"metadata": {"name": "bench"}, "run": {"steps": steps}}
    return {
        "timeout": 900,
        "device_group": [{"role": "peer", "count": count, "device_type": "panda"}],
        "actions": [
            {"command": "deploy_linaro_image", "parameters": {"image": str(IMAGE)}},
            {"command": "lava_test_shell", "parameters": {"definitions": [definition]}},
        ],
    }


def measure(count):
    """Return exit code, wall seconds, dispatcher CPU seconds, its MiB."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "job.json")
        path.write_text(json.dumps(job(count)))
        words = ["-q", "--simulate", "--output-dir", f"{directory}/out", str(path)]
        began = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-c", RUN, *words], capture_output=True, text=True, check=True
        )
        wall = time.monotonic() - began
        code, own, memory = json.loads(done.stdout.splitlines()[-1])
        return code, wall, own, memory


def main():
    """Print a line for each size."""
    sizes = [int(word) for word in sys.argv[1:]] or [2, 10, 40]
    print(f"{os.cpu_count()} cores")
    print(" boards  code   wall s  wall/board  dispatcher CPU s  per board ms  MiB")
    for count in sizes:
        code, wall, own, memory = measure(count)
        print(
            f"{count:7}{code:6}{wall:9.2f}{wall / count:12.3f}{own:18.2f}"
            f"{1000 * own / count:14.0f}{memory:5.0f}"
        )


if __name__ == "__main__":
    main()
