"""Whole runs on emulated boards: real U-Boot, real kernels, a real root file system."""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
import time

import pytest

from lava_dispatcher_multinode.lab.device_model import Device
from lava_dispatcher_multinode.lab.device_sections import ConsoleConnection, QemuMachine
from lava_dispatcher_multinode.qemu.qemu_lab import EmulatedLab
from lava_dispatcher_multinode.qemu.test_image import image_cache

from ..needs import program, skipped_without

RUN_TIMEOUT_S = 400  # on a busy host

pytestmark = [pytest.mark.slow, pytest.mark.timeout(RUN_TIMEOUT_S + 300)]


@pytest.fixture
def emulate(dispatch, clean, tmp_path, test_image):
    """Return a function that runs lava-dispatch with a timeout for emulated processors."""
    return lambda *words: dispatch(*words, limit=RUN_TIMEOUT_S)


def test_the_seed_s_job_on_real_linux(emulate, examples, tmp_path):
    """Two pandas and a beaglexm boot Debian's kernel, synchronise and exchange data.

    One of them asks the coordinator over its network, which neither job nor results show.
    """
    lab = tmp_path / "lab"
    (lab / "devices").mkdir(parents=True)
    (lab / "devices" / "panda02.yaml").write_text("device_type: panda\nmultinode: socket\n")
    run = emulate("--emulate", "--config-dir", lab, examples / "seed.json")
    assert run.code == 0, run.err
    for name, over_the_console in (("panda01", True), ("panda02", False)):
        assert (b" sync,booted" in run.console(name)) == over_the_console
    nodes = run.results["nodes"]
    assert list(nodes) == ["panda01", "panda02", "beaglexm01"]
    for name, node in nodes.items():
        assert node["status"] == "pass"
        assert run.cases(name)["data-over-the-network"] == "pass"
        assert run.cases(name)["multinode-sync-finished"] == "pass"
        console = run.console(name)
        assert console.index(b"U-Boot 20") < console.index(b"Linux version ")
        assert b"armv7l" in console
    told = [event["text"] for event in run.events if event.get("level") == "WARNING"]
    assert any("images/panda.img.gz is for simulated boards only" in text for text in told)


def test_client_and_server(emulate, examples):
    """Data is transferred between the boards, with a plausible throughput."""
    run = emulate("--emulate", examples / "client-server.json")
    assert run.code == 0, run.err
    (speed,) = [
        case["measurement"]
        for case in run.results["nodes"]["panda01"]["results"]
        if case["case"] == "throughput"
    ]
    assert 0.1 < speed < 1000  # MB/s


def test_the_image_boots_by_itself(test_image, tmp_path):
    """Without boot commands, boot.scr starts the Linux of the SD card's first two partitions."""
    device = Device("panda01", "panda", connection=ConsoleConnection(qemu=QemuMachine()))
    with EmulatedLab(tmp_path) as lab:
        board = lab.add(device)
        shutil.copy(test_image, board.card)
        console = os.open(board.console, os.O_RDWR | os.O_NOCTTY)
        board.power_on()
        heard, end = b"", time.monotonic() + RUN_TIMEOUT_S
        while b"root@board:" not in heard:
            left = end - time.monotonic()
            assert left > 0, heard
            if select.select([console], [], [], left)[0]:
                heard += os.read(console, 65536)
        os.close(console)
    assert heard.index(b"boot.scr") < heard.index(b"Linux version ")


def test_a_board_with_a_boot_rom_and_an_sd_card(emulate, job, tmp_path, test_image):
    """On orangepi-pc the firmware is on the SD card, and deploying the image keeps it."""
    with skipped_without("Debian's archive"):
        image_cache.unpack_package("u-boot-sunxi")
    lab = tmp_path / "lab"
    (lab / "devices").mkdir(parents=True)
    (lab / "devices" / "pi.yaml").write_text(
        "device_type: beaglexm\nconnection: {qemu: {machine: orangepi-pc}}\n"
    )
    path = job("lava-test-case root --shell test -b /dev/mmcblk0p5", "lava-sync alone")
    text = json.loads(path.read_text())
    text["timeout"] = RUN_TIMEOUT_S
    text["device_group"] = [{"role": "only", "device": "pi"}]
    text["actions"][0]["parameters"]["image"] = str(test_image)
    path.write_text(json.dumps(text))
    run = emulate("--config-dir", lab, path)
    assert run.code == 0, run.err
    assert run.cases("pi")["root"] == "pass"
    console = run.console("pi")
    assert console.index(b"U-Boot SPL") < console.index(b"bootz") < console.index(b"Linux version")


@pytest.mark.needs("fsck.fat", "e2fsck")
def test_what_the_image_holds_is_in_order(test_image, tmp_path):
    """fsck finds both file systems clean."""
    from lava_dispatcher_multinode.images import mbr

    with test_image.open("rb") as disk:
        for partition, check in zip(
            mbr.read(disk), (["fsck.fat", "-n"], ["e2fsck", "-fn"]), strict=True
        ):
            part = tmp_path / f"part{partition.number}"
            disk.seek(partition.start)
            part.write_bytes(disk.read(partition.size))
            done = subprocess.run(
                [program(check[0]), *check[1:], part], capture_output=True, text=True
            )
            assert done.returncode == 0, done.stdout
