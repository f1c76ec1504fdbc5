"""Measure a virtual machine's boot through the product, as a ratio to QEMU's alone.

    python bench/qemu_boot.py [--rounds 7]

Both boot Debian's kernel and ramdisk for x86_64 with TCG, in turns, with the same machine,
processor, command line, disk and network cards; only the product's ramdisk contains a test.
Seconds count from power-on, which includes the start of QEMU, to root's login, and to the shell:
its prompt with QEMU alone, and through the product its readiness for tests, with host name and
network.
"""

from __future__ import annotations

import argparse
import json
import os
import pty
import re
import select
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import tty
from contextlib import closing
from pathlib import Path

from lava_dispatcher_multinode.qemu.machines import EMULATED_CPU, MACHINES
from lava_dispatcher_multinode.qemu.qemu_network import GroupNetwork
from lava_dispatcher_multinode.qemu.test_image.guest import cached_guest

ARCH = "x86_64"
DEVICE_TYPE = f"qemu-{ARCH}"
COMMAND = Path(sys.executable).parent / "lava-dispatch"
LOGIN, PROMPT = b"root login on ", b"/root# "
LIMIT_S = 300.0
CARD_BYTES = 64 << 20
STAGES = ("login", "shell")


def job():
    definition = {
        "metadata": {"format": "Lava-Test Test Definition 1.0", "name": "bench"},
        "run": {"steps": ["lava-test-case alive --shell true"]},
    }
    return {
        "timeout": LIMIT_S,
        "job_name": "bench",
        "device_group": [{"role": "board", "count": 1, "device_type": DEVICE_TYPE}],
        "actions": [
            {
                "command": "deploy_linaro_kernel",
                "parameters": {"kernel": "kernel", "ramdisk": "ramdisk"},
            },
            {"command": "lava_test_shell", "parameters": {"definitions": [definition]}},
        ],
    }


def through_the_product(top):
    """Run the job; return the seconds from power-on to each stage."""
    out = top / "out"
    done = subprocess.run(
        [COMMAND, "--emulate", "-q", "--config-dir", top / "lab", "--output-dir", out,
         top / "job.json"],
        check=False,
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    if done.returncode:
        sys.exit(f"the job failed: exit code {done.returncode}")
    events = [json.loads(line) for line in (out / "events.jsonl").read_text().splitlines()]
    (started,) = [event["t"] for event in events if event["event"] == "boot_started"]
    power_on = next(e["t"] for e in events if e["event"] == "step" and e["t"] >= started)
    shell = next(event["t"] for event in events if event["event"] == "boot_finished")
    (console,) = out.glob("nodes/*/console.log")
    login = re.search(rb"^\[ *([\d.]+)\].*" + LOGIN, console.read_bytes(), re.MULTILINE)
    shutil.rmtree(out)
    return float(login[1]) - power_on, shell - power_on


def with_qemu_alone(top):
    """Boot once; return the seconds from the start of QEMU to each stage."""
    machine = MACHINES[ARCH]
    card = top / "card.img"
    with card.open("wb") as file:
        file.truncate(CARD_BYTES)
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    with closing(GroupNetwork()) as network:
        nics = [
            word.format(id=identity, mac=network.mac(0, number))
            for number, (identity, nic) in enumerate(
                (("host", machine.host_nic), ("group", machine.group_nic))
            )
            for word in nic
        ]
        began = time.monotonic()
        process = subprocess.Popen(
            [machine.program, *machine.arguments, "-cpu", EMULATED_CPU[ARCH],
             "-m", str(machine.memory), "-nodefaults", "-display", "none",
             "-chardev", f"serial,id=console,path={os.ttyname(theirs)}",
             "-serial", "chardev:console",
             "-kernel", top / "kernel", "-append", f"console={machine.console}",
             "-initrd", top / "ramdisk",
             *(word.format(card=card) for word in machine.card),
             *network.qemu_arguments(0), *nics],
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            output, times = b"", []
            for mark in (LOGIN, PROMPT):
                while mark not in output:
                    left = began + LIMIT_S - time.monotonic()
                    if not select.select([ours], [], [], max(0.0, left))[0]:
                        sys.exit(f"QEMU alone: no {mark!r} within {LIMIT_S:g} s")
                    output += os.read(ours, 65536)
                times.append(time.monotonic() - began)
                output = output.partition(mark)[2]
            return tuple(times)
        finally:
            process.kill()
            process.wait()
            os.close(ours)
            os.close(theirs)


def main():
    """Print the medians and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    guest = cached_guest(ARCH, print)
    found = {through_the_product: [], with_qemu_alone: []}
    with tempfile.TemporaryDirectory() as scratch:
        top = Path(scratch)
        shutil.copy(guest.kernel, top / "kernel")
        shutil.copy(guest.ramdisk, top / "ramdisk")
        layer = top / "lab" / "device-types"
        layer.mkdir(parents=True)
        (layer / f"{DEVICE_TYPE}.yaml").write_text("connection: {qemu: {accel: tcg}}\n")
        (top / "job.json").write_text(json.dumps(job()))
        for number in range(rounds):
            order = list(found)[:: -1 if number % 2 else 1]
            for boot in order:
                found[boot].append(boot(top))
    print(f"medians of {rounds}, in seconds; load {os.getloadavg()[0]:.1f}")
    print(f"{'':8}{'product':>10}{'QEMU':>10}{'ratio':>8}")
    for stage, name in enumerate(STAGES):
        ours, bare = (statistics.median(t[stage] for t in times) for times in found.values())
        print(f"{name:8}{ours:10.2f}{bare:10.2f}{ours / bare:8.2f}")


if __name__ == "__main__":
    main()
