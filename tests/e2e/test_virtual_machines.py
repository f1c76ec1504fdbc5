"""Whole runs on virtual machines, whose kernel QEMU starts without a boot loader."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from pathlib import Path

import pytest
import yaml

from lava_dispatcher_multinode.qemu.test_image.guest import cached_guest

from ..needs import require, skipped_without

GUIDE = Path(__file__).parents[2] / "docs/how-to/test-my-kernel.md"
RUN_TIMEOUT_S = 400  # emulated processors, on a busy host
PROGRAMS = {"x86_64": "qemu-system-x86_64", "arm": "qemu-system-arm"}

pytestmark = [pytest.mark.slow, pytest.mark.timeout(RUN_TIMEOUT_S + 600)]


@pytest.fixture
def guests(tmp_path):
    """Return a function that puts the files of a guest beside the job, as a user's build does."""

    def fetch(*architectures):
        for arch in architectures:
            require(PROGRAMS[arch])
            with skipped_without("Debian's archive"):
                guest = cached_guest(arch, print)
            shutil.copy(guest.kernel, tmp_path / f"kernel-{arch}")
            shutil.copy(guest.ramdisk, tmp_path / f"ramdisk-{arch}")
            shutil.copy(guest.root, tmp_path / f"root-{arch}")

    return fetch


@pytest.fixture
def lab(tmp_path):
    """Return a directory of device files by which all processors are emulated."""
    for name in ("qemu-x86_64", "qemu-arm"):
        path = tmp_path / "lab" / "device-types" / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("connection: {qemu: {accel: tcg}}\n")
    return tmp_path / "lab"


@pytest.fixture
def run(dispatch, lab, tmp_path):
    """Return a function that runs a job on virtual machines."""

    def start(group, deploys, *steps, limit=RUN_TIMEOUT_S):
        definition = {
            "metadata": {"format": "Lava-Test Test Definition 1.0", "name": "test"},
            "run": {"steps": list(steps)},
        }
        job = {
            "timeout": limit,
            "job_name": "virtual machines",
            "device_group": group,
            "actions": [
                *({"command": "deploy_linaro_kernel", "parameters": deploy} for deploy in deploys),
                {"command": "lava_test_shell", "parameters": {"definitions": [definition]}},
            ],
        }
        path = tmp_path / "job.json"
        path.write_text(json.dumps(job))
        return dispatch("--emulate", "--config-dir", lab, path, limit=limit)

    return start


def files(arch, **more):
    """Return the parameters of a deploy action for `arch`."""
    return {"kernel": f"kernel-{arch}", "ramdisk": f"ramdisk-{arch}", **more}


def test_the_guide_with_a_kernel_of_ones_own(dispatch, lab, guests, tmp_path):
    """The guide's job works as printed: the client's test reaches the server by its name.

    Debian's kernel, given by path, takes the place of the one that the user builds.
    """
    guests("x86_64")
    page = GUIDE.read_text()
    (text,) = re.findall(r"^```yaml\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    commands = re.findall(r"^    (.+)", page, re.MULTILINE)
    assert len(text.splitlines()) + len(commands) <= 10
    parameters = yaml.safe_load(text)["actions"][0]["parameters"]
    for kind, path in parameters.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / f"{kind}-x86_64").rename(tmp_path / path)
    (tmp_path / "job.yaml").write_text(text)
    _, *words = shlex.split(commands[-1])
    done = dispatch("--config-dir", lab, *words, limit=RUN_TIMEOUT_S)
    assert done.code == 0, done.err
    server, client = done.results["nodes"]
    for name in (server, client):
        cases = done.cases(name)
        assert cases["multinode-sync-ready"] == cases["multinode-sync-done"] == "pass"
        assert b"U-Boot" not in done.console(name)
    assert done.cases(client)["http"] == "pass"
    assert (done.directory / "report.html").is_file()
    told = [event["text"] for event in done.events if event["event"] == "log"]
    assert "qemu-system-x86_64: TCG (connection.qemu.accel)" in told


def test_a_mixed_group_with_a_root_file_system(run, guests):
    """A PC with its root on a disk and an ARM board are one group, each with its own kernel."""
    guests("x86_64", "arm")
    group = [
        {"role": "pc", "count": 1, "device_type": "qemu-x86_64"},
        {"role": "board", "count": 1, "device_type": "qemu-arm"},
    ]
    deploys = [files("x86_64", rootfs="root-x86_64", role="pc"), files("arm", role="board")]
    done = run(
        group, deploys, "lava-test-case arch --result pass --measurement 1 --units $(uname -m)",
        "lava-test-case root-$(awk '$2 == \"/\" {print $3}' /proc/mounts | tail -n 1) "
        "--result pass",
        "lava-sync up", "for host in $(lava-group | cut -f 1); do "
        "lava-test-case ping --shell ping -c 1 -W 20 $host; done",
    )  # fmt: skip
    assert done.code == 0, done.err
    pc, board = done.results["nodes"]
    units = {
        name: case["units"]
        for name in (pc, board)
        for case in done.results["nodes"][name]["results"]
        if case["case"] == "arch"
    }
    assert units == {pc: "x86_64", board: "armv7l"}
    assert "root-ext4" in done.cases(pc)
    assert "root-ext4" not in done.cases(board)
    assert done.cases(pc)["ping"] == done.cases(board)["ping"] == "pass"


def test_a_panic_is_the_machine_s(run, guests):
    """A kernel that panics during a test ends the node with the kernel's words."""
    guests("x86_64")
    group = [{"role": "a", "count": 1, "device_type": "qemu-x86_64"}]
    done = run(group, [files("x86_64")], "echo c > /proc/sysrq-trigger")
    assert done.code != 0
    assert "sysrq triggered crash" in done.err


def test_a_kernel_of_another_architecture(run, guests):
    """The deploy names both architectures, and no machine starts."""
    guests("arm")
    group = [{"role": "a", "count": 1, "device_type": "qemu-x86_64"}]
    done = run(group, [{"kernel": "kernel-arm"}], "true")
    assert done.code != 0
    assert "a kernel for arm" in done.err
