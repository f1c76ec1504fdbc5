"""Scaling of a group: wall time, CPU and memory of the dispatcher, and all memory.

    python bench/scale.py [N ...]        simulated boards, by default 10 50 100 200
    python bench/scale.py --shells N     nodes without boards, each a shell on a pty

Each board is deployed and booted, and runs ten lava-sync and one lava-wait-all with all
others; a shell runs the same test. The figures of the dispatcher exclude the processes of
the boards, which share the cores of the machine. "all MiB" is the largest decrease of the
host's available memory during the run, so do not run anything else.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import secrets
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from pathlib import Path

ROOT = Path(__file__).parents[1]
IMAGE = ROOT / "examples" / "images" / "panda.img.gz"
# A separate process per size, so that the figures are independent.
RUN = """
import json, resource, sys
from lava_dispatcher_multinode.commands.dispatch import main
code = main(sys.argv[1:])
used = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps([code, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024]))
"""
STEPS = [
    *(f"lava-sync round-{number}" for number in range(10)),
    "lava-send data from=$(lava-self)",
    "lava-wait-all data",
    "lava-test-case alive --shell true",
]
HEAD = (
    " nodes  code   wall s  wall/node  dispatcher CPU s  per node ms  its MiB  all MiB  per node"
)


def job(count):
    """Return a job that synchronises `count` boards ten times."""
    definition = {"metadata": {"name": "bench"}, "run": {"steps": STEPS}}
    return {
        "timeout": 900,
        "device_group": [{"role": "peer", "count": count, "device_type": "panda"}],
        "actions": [
            {"command": "deploy_linaro_image", "parameters": {"image": str(IMAGE)}},
            {"command": "lava_test_shell", "parameters": {"definitions": [definition]}},
        ],
    }


class Memory:
    """Measures the largest decrease of the host's available memory (`used`, MiB) in a context."""

    def __enter__(self):
        self._start = self._least = available()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()
        self.used = self._start - self._least

    def _watch(self):
        while not self._over.wait(0.1):
            self._least = min(self._least, available())


def available():
    """Return the available memory of the host in MiB."""
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("no MemAvailable")


def boards(count):
    """Return exit code, wall seconds, and the dispatcher's CPU seconds, MiB, and all MiB."""
    with tempfile.TemporaryDirectory() as directory, Memory() as memory:
        path = Path(directory, "job.json")
        path.write_text(json.dumps(job(count)))
        words = ["-q", "--simulate", "--output-dir", f"{directory}/out", str(path)]
        began = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-c", RUN, *words], capture_output=True, text=True, check=True
        )
        wall = time.monotonic() - began
    code, own, mib = json.loads(done.stdout.splitlines()[-1])
    if code:
        sys.exit(f"the job of {count} boards failed: exit code {code}\n{done.stderr}")
    return code, wall, own, mib, memory.used


def shells(count):
    """Measure like `boards`, with nodes that are shells on ptys."""
    from lava_dispatcher_multinode.coordinator.server import Coordinator
    from lava_dispatcher_multinode.run.host_errors import raise_file_limit

    raise_file_limit()
    names = [f"node{number:03}" for number in range(count)]
    secret = {name: secrets.token_hex(16) for name in names}
    with tempfile.TemporaryDirectory() as directory, Memory() as memory, ExitStack() as stack:
        group = secrets.token_hex(16)
        coordinator = stack.enter_context(
            Coordinator(
                group=group, nodes=dict.fromkeys(names, "peer"), secrets=secret, timeout=900
            )
        )
        cases = []
        began = time.monotonic()
        threads = [
            threading.Thread(
                target=shell,
                args=(
                    Path(directory, name),
                    name,
                    names,
                    coordinator,
                    (group, secret[name]),
                    cases,
                ),
            )
            for name in names
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        wall = time.monotonic() - began
    used = resource.getrusage(resource.RUSAGE_SELF)
    code = 0 if cases.count("pass") == count * (len(STEPS)) else 1
    if code:
        sys.exit(f"{cases.count('pass')} of {count * len(STEPS)} cases passed")
    return code, wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, memory.used


def shell(root, name, names, coordinator, credentials, cases):
    """Run the test as node `name`, with a directory and a shell as board."""
    from lava_dispatcher_multinode.console.board_console import Console
    from lava_dispatcher_multinode.console.command_transport import open_command
    from lava_dispatcher_multinode.console.transcript import Transcript
    from lava_dispatcher_multinode.coordinator.client import GroupClient
    from lava_dispatcher_multinode.overlay.environment import environment
    from lava_dispatcher_multinode.testshell.session import ShellSession

    lava = root / "lava-bench"
    shutil.copytree(ROOT / "overlays", lava, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    group, secret = credentials
    members = [(other, "peer") for other in names]
    text = environment(job_id="bench", node=name, role="peer", group=members, root=str(root))
    (lava / "environment").write_text(
        f"{text}\nexport LAVA_MULTI_NODE_CACHE={root}/cache.txt LAVA_RESULT_DIR={root}\n"
    )
    test = lava / "0" / "tests" / "0_bench"
    test.mkdir(parents=True)
    (test / "uuid").write_text("bench\n")
    (test / "run.sh").write_text(
        "\n".join(["set -e", "export TESTRUN_ID=0_bench", f"cd {test}", *STEPS]) + "\n"
    )
    (lava / "0" / "lava-test-runner.conf").write_text(f"{test}\n")

    def emit(event, **fields):
        if event == "test_case":
            cases.append(fields["result"])

    console = Console(open_command("sh -i", name), Transcript(root / "out", time.monotonic))
    with GroupClient(
        coordinator.address, group=group, node=name, role="peer", secret=secret
    ) as client:
        session = ShellSession(
            console, node=name, submit=client.submit, emit=emit, clock=time.monotonic
        )
        try:
            session.run(f"{lava}/bin/lava-test-runner {lava}/0", time.monotonic() + 900)
        finally:
            console.close()


def main():
    """Print a line per size."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("sizes", metavar="N", type=int, nargs="*", default=[10, 50, 100, 200])
    parser.add_argument("--shells", metavar="N", type=int)
    options = parser.parse_args()
    print(f"{os.cpu_count()} cores")
    print(HEAD)
    sizes = options.sizes if options.shells is None else [options.shells]
    for count in sizes:
        measure = boards if options.shells is None else shells
        code, wall, own, mib, everything = measure(count)
        print(
            f"{count:6}{code:6}{wall:9.2f}{wall / count:11.3f}{own:18.2f}"
            f"{1000 * own / count:13.0f}"
            f"{mib:9.0f}{everything:9.0f}{everything / count:10.1f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
