"""The commands typed at a master image, and the error of each step."""

from __future__ import annotations

import re

import pytest

from lava_dispatcher_multinode.boards.deploy import master
from lava_dispatcher_multinode.boards.deploy.master import deploy_by_master
from lava_dispatcher_multinode.deadline import Deadline
from lava_dispatcher_multinode.errors import DeployError
from lava_dispatcher_multinode.images.store import Image
from lava_dispatcher_multinode.lab.deploy_sections import Deploy, Master
from lava_dispatcher_multinode.lab.device_model import Device
from lava_dispatcher_multinode.serve.servers import Servers

PROGRAMS = {"wget", "mkfs.ext4", "mkfs.vfat"}


class Board:
    """Accepts every command except `refuses`: pattern, exit code, output, number of times."""

    def __init__(self, *refuses, programs=PROGRAMS):
        self.said: list[str] = []
        self.deadline = Deadline(60, "test")
        self._refuses = [list(item) for item in refuses]
        self._programs = programs

    def has(self, program):
        """Return whether the board has the program."""
        return program in self._programs

    def try_run(self, command, timeout):
        """Run a command."""
        self.said.append(command)
        for item in self._refuses:
            if re.search(item[0], command) and item[3]:
                item[3] -= 1
                return None if item[1] is None else (item[1], item[2])
        if "by-label" in command:
            return 0, "/dev/mmcblk0p" + ("5" if "testrootfs" in command else "3")
        return 0, "inet 10.0.0.7" if "addr show" in command else "eth0"

    def run(self, command, *, timeout=0.0):
        """Run a command."""
        return self.try_run(command, timeout)

    def explain(self, text):
        """Return `text`."""
        return text


@pytest.fixture
def deploy(tmp_path, example_images, monkeypatch):
    """Return a function that deploys the example image to a board."""
    monkeypatch.setattr(master, "RETRY_AFTER_S", 0.0)
    monkeypatch.setattr(
        master, "write_root_tarball", lambda disk, target, _: target.write_bytes(b"r")
    )
    path = example_images / "panda.img"
    image = Image(str(path), path, tmp_path / "unpacked")

    def run(board, steps=None, host="127.0.0.1", **settings):
        device = Device(
            "b1", "panda", deploy=Deploy("master", master=Master(**settings)), dispatcher_ip=host
        )
        told = steps if steps is not None else []
        with Servers() as servers:
            return deploy_by_master(
                board, device, image, None, servers, board.deadline, told.append
            )

    return run


def test_the_steps_of_2013(deploy):
    """Root, then boot: unmount, mkfs, mount, fetch from the dispatcher, unmount."""
    board = Board()
    assert deploy(board) is False
    text = "\n".join(board.said)
    order = [
        "mkfs.ext4 -q -F -L testrootfs /dev/mmcblk0p5",
        "mount /dev/mmcblk0p5 /mnt/testrootfs",
        "| tar -C /mnt/testrootfs -xzf -",
        "flash-kernel",
        "umount /mnt/testrootfs",
        "mkfs.vfat -n testboot /dev/mmcblk0p3",
        "mount -t vfat /dev/mmcblk0p3 /mnt/testboot",
        "| tar -C /mnt/testboot -xzof -",
        "umount /mnt/testboot",
    ]
    places = [text.index(line) for line in order]
    assert places == sorted(places)


def test_a_device_file_can_name_the_partitions(deploy):
    """The labels do not matter then."""
    board = Board()
    deploy(board, testboot="/dev/sda1", testrootfs="/dev/sda2")
    assert not any("by-label" in line for line in board.said)
    assert any("mkfs.ext4 -q -F -L testrootfs /dev/sda2" in line for line in board.said)


def test_the_network_is_tried_again(deploy):
    """A failed fetch is retried, with a message."""
    steps: list[str] = []
    deploy(Board(("tar -C /mnt/testroot", 1, "tar: short read", 2)), steps)
    assert sum("failed (tar: short read): retrying" in step for step in steps) == 2


@pytest.mark.parametrize(
    ("refused", "message"),
    [
        (("by-label/testboot", 2, "", 9), "no partition is labelled testboot: .*deploy.master.te"),
        (("mkfs.ext4", 1, "no space", 9), "making testrootfs: 'mkfs.* exited with 1: no space"),
        (("mount /dev/mmcblk0p5", 32, "bad", 9), "mounting testrootfs: .* exited with 32: bad"),
        (("tar -C /mnt/testboot", 1, "x\nno route", 9), "fetching testboot .*5 times: no route"),
        (("umount /mnt/testboot", 1, "busy", 9), "unmounting testboot: .* exited with 1: busy"),
        (("sync", None, "", 9), "writing testrootfs out: not done within"),
    ],
)
def test_each_step_is_named_in_its_error(deploy, refused, message):
    """The error has the command, the exit code and the output."""
    with pytest.raises(DeployError, match=f"master image: {message}"):
        deploy(Board(refused))


def test_missing_programs_are_named(deploy):
    """The errors name the programs and this host's address."""
    with pytest.raises(DeployError, match="neither wget nor curl"):
        deploy(Board(programs=()))
    with pytest.raises(DeployError, match="making testrootfs: the board has none of the programs"):
        deploy(Board(programs={"curl"}))
    with pytest.raises(DeployError, match="dispatcher_ip is missing"):
        deploy(Board(), host=None)


def test_busybox_makes_what_it_can(deploy):
    """Without mkfs.ext4 it makes an ext2."""
    board = Board(("-t ext4", 1, "invalid option", 9), programs={"wget", "mke2fs", "mkdosfs"})
    deploy(board)
    assert any("mke2fs -F -L testrootfs" in line for line in board.said)
    assert any("mkdosfs -n testboot" in line for line in board.said)
