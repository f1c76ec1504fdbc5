"""Whole runs on emulated boards: real U-Boot, real kernels, a real root file system."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from lava_dispatcher_multinode.errors import InfrastructureError
from lava_dispatcher_multinode.images.test_image import cache

LIMIT = 400  # seconds for one run, on a host that has other things to do

pytestmark = [pytest.mark.slow, pytest.mark.timeout(LIMIT + 300)]


@pytest.fixture(scope="session")
def test_image():
    """The test image; made now, once for all test processes, if it is not there."""
    u_boot = Path("/usr/lib/u-boot/qemu_arm/u-boot.bin")
    if shutil.which("qemu-system-arm") is None or not u_boot.is_file():
        pytest.skip("needs qemu-system-arm and u-boot-qemu")
    try:
        return cache.cached_image(print)
    except InfrastructureError as error:
        pytest.skip(f"cannot make the test image: {error}")


@pytest.fixture
def emulate(dispatch, clean, tmp_path, test_image):
    """A function that runs lava-dispatch, with time enough for emulated processors."""
    return lambda *words: dispatch(*words, limit=LIMIT)


def test_the_seed_s_job_on_real_linux(emulate, examples):
    """Two pandas and a beaglexm boot Debian's kernel, synchronise and exchange data."""
    run = emulate("--emulate", examples / "seed.json")
    assert run.code == 0, run.err
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


def test_a_board_with_a_boot_rom_and_an_sd_card(emulate, job, tmp_path, test_image):
    """On orangepi-pc the firmware comes from the card, behind which the image is deployed."""
    try:
        cache.package("u-boot-sunxi")
    except InfrastructureError as error:
        pytest.skip(f"no firmware: {error}")
    lab = tmp_path / "lab"
    (lab / "devices").mkdir(parents=True)
    (lab / "devices" / "pi.yaml").write_text(
        "device_type: beaglexm\nconnection: {qemu: {machine: orangepi-pc}}\n"
    )
    path = job("lava-test-case root --shell test -b /dev/mmcblk0p5", "lava-sync alone")
    text = json.loads(path.read_text())
    text["timeout"] = LIMIT
    text["device_group"] = [{"role": "only", "device": "pi"}]
    text["actions"][0]["parameters"]["image"] = str(test_image)
    path.write_text(json.dumps(text))
    run = emulate("--config-dir", lab, path)
    assert run.code == 0, run.err
    assert run.cases("pi")["root"] == "pass"
    console = run.console("pi")
    assert console.index(b"U-Boot SPL") < console.index(b"bootz") < console.index(b"Linux version")


def test_what_the_image_holds_is_in_order(test_image, tmp_path):
    """fsck has no complaint of either file system."""
    from lava_dispatcher_multinode.images import mbr

    path = "/sbin:/usr/sbin:/bin:/usr/bin"
    with test_image.open("rb") as disk:
        for partition, check in zip(
            mbr.read(disk), (["fsck.fat", "-n"], ["e2fsck", "-fn"]), strict=True
        ):
            part = tmp_path / f"part{partition.number}"
            disk.seek(partition.start)
            part.write_bytes(disk.read(partition.size))
            program = shutil.which(check[0], path=path)
            if program is None:
                pytest.skip(f"needs {check[0]}")
            done = subprocess.run([program, *check[1:], part], capture_output=True, text=True)
            assert done.returncode == 0, done.stdout
