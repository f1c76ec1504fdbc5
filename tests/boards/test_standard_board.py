"""The standard driver on simulated boards: from power-on to a shell, and failures."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from lava_dispatcher_multinode.boards.shell_files import ShellUploader
from lava_dispatcher_multinode.console_frames import cksum
from lava_dispatcher_multinode.deadline import Deadline
from lava_dispatcher_multinode.errors import ActionTimeout, BoardDied, BootError
from lava_dispatcher_multinode.images.store import Image
from lava_dispatcher_multinode.serve.servers import Servers

from ..firmware import FIRMWARE

pytestmark = pytest.mark.slow


def _deploy(board, images, model="panda"):
    path = images / f"{model}.img"
    with Servers() as servers:
        board.deploy(Image(str(path), path, path), servers, _deadline())
    return board


def _deadline(seconds=60.0):
    return Deadline(seconds, "test")


@pytest.mark.parametrize(
    "fault",
    [{"printk": 0.005}, {"printk_every": 0.05}, {"noise": 0.001}, {"drop": 0.0005}],
    ids=lambda fault: next(iter(fault)),
)
def test_a_bad_line_costs_time_and_nothing_else(simulated, example_images, fault):
    """Despite kernel messages, noise and lost characters, it boots and files arrive."""
    board = _deploy(simulated(faults={**fault, "seed": 5}, retries=5), example_images)
    shell = board.boot(_deadline(110.0))
    data = bytes(range(256)) * 40
    ShellUploader(shell).upload(data, "/tmp/file")
    code, text = shell.run("cksum < /tmp/file")
    assert code == 0
    assert f"{cksum(data)} {len(data)}" in text


@pytest.mark.parametrize("model", ["panda", "beaglexm"])
def test_the_boot_of_2013(simulated, example_images, model):
    """Both boards boot with the commands of 2013, and their shells answer."""
    board = _deploy(simulated(model), example_images, model)
    shell = board.boot(_deadline())
    assert shell.run("hostname") == (0, f"{model}01")
    assert board.boots == 1


def test_a_board_with_nothing_deployed_does_not_boot(simulated):
    """The error has U-Boot's message on the missing card, and the step."""
    with pytest.raises(
        BootError, match=r"boot attempt 1 of 1 failed: U-Boot: 'mmc init' failed: .*card"
    ) as it:
        simulated().boot(_deadline())
    assert "are the defaults" not in str(it.value)


ADDRESSES = {
    "fdt_addr_r": "0x88000000",
    "kernel_addr_r": "0x82000000",
    "ramdisk_addr_r": "0x88080000",
}


@pytest.fixture
def recent_panda(simulated, example_images, monkeypatch):
    """Return a function that deploys to a panda whose U-Boot has these variables."""

    def make(**variables):
        firmware = replace(FIRMWARE["panda"], environment=variables)
        monkeypatch.setitem(FIRMWARE, "panda", firmware)
        return _deploy(simulated(), example_images)

    return make


def test_a_device_tree_of_the_card_is_passed_to_a_recent_u_boot(recent_panda, tmp_path):
    """U-Boot has an address for it; the U-Boot of 2013 gets none."""
    recent_panda(**ADDRESSES).boot(_deadline())
    raw = (tmp_path / "panda01" / "console.raw").read_bytes()
    assert b"## Flattened Device Tree blob at 88000000" in raw


def test_default_commands_that_do_not_boot_the_card_are_named(recent_panda):
    """The last command fails on a card of the layout of 2013: the hint names boot.commands."""
    board = recent_panda(**{**ADDRESSES, "kernel_addr_r": "0x10"})
    with pytest.raises(
        BootError, match=r"'boot' failed: .*; boot\.commands are the defaults of the device type"
    ):
        board.boot(_deadline())


def test_the_commands_of_2013_on_another_card_are_named(simulated):
    """A card of another layout has no testboot: the hint names boot.commands."""
    with pytest.raises(
        BootError, match=r"card present; boot\.commands are the defaults of the device type.*\n"
    ):
        simulated(deploy="none").boot(_deadline())


@pytest.mark.parametrize(
    ("commands", "message"),
    [
        (
            ("fatload mmc 0:3 0x80200000 nothing", "boot"),
            "'fatload .*nothing' failed: .*[Uu]nable",
        ),
        (("fatload mmc 0:3 0x10 uImage", "boot"), "'fatload .*' failed: .*(data abort|Resetting)"),
        (("frobnicate", "boot"), "failed: Unknown command 'frobnicate'"),
        (("fatload mmc 0:3 0x80200000 uImage", "bootm 0x90000000"), "'bootm .*' failed: .*Image"),
        (("printenv baudrate",), "came back to the prompt without starting a kernel"),
    ],
)
def test_a_refusal_of_u_boot_is_quoted(simulated, example_images, commands, message):
    """The error has the failed command and U-Boot's message."""
    board = _deploy(simulated(commands=commands), example_images)
    with pytest.raises(BootError, match=message):
        board.boot(_deadline())


def test_a_missing_root_is_a_panic(simulated, example_images):
    """A kernel panic ends the wait for the login."""
    commands = (
        "setenv bootargs console=ttyO2,115200n8 root=LABEL=other",
        "fatload mmc 0:3 0x80200000 uImage",
        "bootm 0x80200000",
    )
    board = _deploy(simulated(commands=commands), example_images)
    with pytest.raises(BoardDied, match="Kernel panic - not syncing: VFS"):
        board.boot(_deadline())


def test_a_failed_boot_is_tried_again(simulated, example_images):
    """The retries are those of the device file; each try is a step."""
    steps: list[str] = []
    board = _deploy(simulated(faults={"panic": "login"}, steps=steps, retries=3), example_images)
    with pytest.raises(
        BoardDied, match="boot attempt 3 of 3 failed: the board died while it booted: Kernel"
    ):
        board.boot(_deadline())
    assert [step for step in steps if step.startswith("boot attempt")] == [
        f"boot attempt {n} of 3 failed: the board died while it booted: "
        "Kernel panic - not syncing: Fatal exception in interrupt"
        for n in (1, 2)
    ]


def test_a_dead_power_switch_is_a_silent_console(simulated, example_images):
    """A console without output fails at the deadline."""
    board = _deploy(simulated(faults={"power": "dead"}), example_images)
    with pytest.raises(ActionTimeout, match="test"):
        board.boot(_deadline(1.0))


def test_a_time_limit_names_the_step(simulated, example_images, monkeypatch):
    """Where the time went, once, and last lines of the console: not the limit alone."""
    board = _deploy(simulated(), example_images)

    def start_kernel(_dialogue, deadline):
        board._step("U-Boot: run forever")
        while True:
            time.sleep(min(0.05, deadline.within(1.0)))

    monkeypatch.setattr(board, "_start_kernel", start_kernel)
    with pytest.raises(ActionTimeout) as caught:
        board.boot(_deadline(0.2))
    assert str(caught.value).startswith("not done within 0.2 s (test): U-Boot: run forever")
    assert str(caught.value).count("not done") == 1


def test_a_reset_during_a_test_is_a_death(simulated, example_images):
    """A reboot ends the reads of a watched console."""
    board = _deploy(simulated(), example_images)
    board.boot(_deadline())
    with board.watched(), pytest.raises(BoardDied, match="U-Boot"):
        board.console.write(b"reboot\n")
        while True:
            board.console.read(30)


def test_what_was_on_the_board_survives_its_own_reboot_only(simulated, example_images):
    """A deploy restores the image; a reboot does not."""
    board = _deploy(simulated(), example_images)
    board.boot(_deadline()).run("echo here > /root/mark")
    assert board.boot(_deadline()).run("cat /root/mark") == (0, "here")
    _deploy(board, example_images)
    assert board.boot(_deadline()).run("cat /root/mark")[0] == 1


def test_power_off_is_in_the_log(simulated, example_images, tmp_path):
    """console.log has the dispatcher's power commands beside the board's output."""
    board = _deploy(simulated(), example_images)
    board.boot(_deadline())
    board.power_off()
    log = (tmp_path / "panda01" / "console.log").read_text()
    assert "-- power cycle --" in log
    assert log.rstrip().endswith("-- power off --")


def test_each_try_of_a_boot_is_an_event(simulated, example_images):
    """The events of a boot have each try, with the error of the first one."""
    told = []
    faults = {"panic": "login", "times": 1}
    made = simulated(faults=faults, retries=2, emit=lambda event, **f: told.append((event, f)))
    board = _deploy(made, example_images)
    board.boot(_deadline())
    assert [(event, fields["attempt"], fields.get("status")) for event, fields in told] == [
        ("boot_started", 1, None),
        ("boot_finished", 1, "error"),
        ("boot_started", 2, None),
        ("boot_finished", 2, "pass"),
    ]
    assert "Kernel panic" in told[1][1]["error"]
