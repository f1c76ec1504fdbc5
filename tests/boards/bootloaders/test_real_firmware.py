"""What real firmware of 2010 to 2025 printed, replayed to the recognisers.

tests/data/firmware/README.md lists the transcripts.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lava_dispatcher_multinode.boards.bootloaders import autoboot
from lava_dispatcher_multinode.boards.bootloaders import u_boot_messages as messages
from lava_dispatcher_multinode.boards.bootloaders.autoboot import Autoboot
from lava_dispatcher_multinode.boards.linux import kernel_pattern, wait_for_kernel
from lava_dispatcher_multinode.console.expect import Dialogue
from lava_dispatcher_multinode.deadline import Deadline
from lava_dispatcher_multinode.errors import BootError
from lava_dispatcher_multinode.lab.device_sections import Boot

FIRMWARE = Path(__file__).parents[2] / "data/firmware"
COUNTDOWN = re.compile(rb"Hit any key to stop autoboot: +\d+ ")
PROMPT = messages.prompt_pattern(())
LIMIT_S = 30.0

#: The transcript, and the prompt of its U-Boot.
PROMPTS = {
    "beagle-2010.03": "OMAP3 beagleboard.org # ",
    "beaglexm-2023.01": "BeagleBoard # ",
    "beaglexm-2023.01-nothing-to-boot": "BeagleBoard # ",
    "cubieboard-2023.01": "=> ",
    "orangepi-pc-2025.01": "=> ",
    "panda-2010.09": "Panda # ",
    "panda-2023.01-no-atags": "=> ",
    "panda-2023.01-no-network": "=> ",
    "raspi2b-2023.01": "U-Boot> ",
}
#: Firmware that cannot start U-Boot, and its message.
DEAD = {
    "beaglexm-2023.01-no-u-boot": "SPL: failed to boot from all boot devices",
    "beaglexm-x-loader-no-u-boot": "u-boot.bin not found or blank nand contents",
    "raspi2b-2025.01-no-environment": "### ERROR ### Please RESET the board ###",
}
#: The transcript, a command in it, and the message of its failure.
FAILED = [
    ("beagle-2010.03", "fatload mmc 0:1 0x80000000 nofile", "** Unable to read"),
    ("beagle-2010.03", "foo", "Unknown command 'foo'"),
    ("beaglexm-2023.01-nothing-to-boot", "run bootcmd", "Failed to load '/boot/zImage'"),
    ("panda-2023.01-no-atags", "boot", "FDT and ATAGS support not compiled in"),
    ("panda-2023.01-no-network", "usb start", "Failed to register EHCI"),
    ("panda-2023.01-no-network", "dhcp", "No ethernet found."),
    ("panda-2023.01-no-network", "tftpboot 0x82000000 ", "No ethernet found."),
    ("panda-2023.01-no-network", "bootz 0x82000000 - 0x83f00000", "zimage: Bad magic!"),
]
#: Transcripts in which every command succeeds and a kernel starts.
BOOTED = [
    "beaglexm-2023.01",
    "cubieboard-2023.01",
    "orangepi-pc-2025.01",
    "panda-2010.09",
    "raspi2b-2023.01",
]


def _read(name):
    return (FIRMWARE / f"{name}.raw").read_bytes()


def _commands(name):
    """Return the commands that were typed, each with its output."""
    prompt = re.escape(PROMPTS[name].encode())
    parts = re.split(rb"\n" + prompt, _read(name))[1:]
    pairs = (re.split(rb"\r+\n", part, maxsplit=1) for part in parts)
    return [(line.decode(), b"".join(output)) for line, *output in pairs]


def _stop(console):
    limit = Deadline(LIMIT_S, "boot.autoboot_timeout")
    Autoboot(Dialogue(console), Boot(), PROMPT).stop(limit, spam=False)


def test_each_transcript_has_a_row():
    """A transcript that no test reads protects nothing."""
    assert {path.stem for path in FIRMWARE.glob("*.raw")} == {*PROMPTS, *DEAD}


@pytest.mark.parametrize("name", PROMPTS)
def test_a_countdown_stops_at_the_prompt(console_of, name):
    """The rest comes only after a key, as from the board."""
    raw = _read(name)
    countdown = COUNTDOWN.search(raw).end()
    prompt = raw.index(PROMPTS[name].encode(), countdown) + len(PROMPTS[name])
    path = FIRMWARE / f"{name}.raw"
    console = console_of(
        f"stty raw -echo; head -c {countdown} {path}; dd bs=1 count=1 >/dev/null 2>&1; "
        f"tail -c +{countdown + 1} {path} | head -c {prompt - countdown}; exec cat >/dev/null"
    )
    _stop(console)
    assert console.tail()[-1].endswith(PROMPTS[name].rstrip())


@pytest.mark.parametrize(("name", "message"), DEAD.items(), ids=DEAD)
def test_dead_firmware_ends_the_attempt_with_its_message(console_of, monkeypatch, name, message):
    """Not after a minute, and not as a power switch that fails."""
    monkeypatch.setattr(autoboot, "SILENCE_S", 0.1)
    monkeypatch.setattr(autoboot, "FAILED_S", 0.1)
    console = console_of(f"stty raw -echo; cat {FIRMWARE}/{name}.raw; exec cat >/dev/null")
    with pytest.raises(BootError, match="cannot start: '[^']*" + re.escape(message)):
        _stop(console)


@pytest.mark.parametrize(("name", "command", "message"), FAILED)
def test_a_failed_command_is_known_by_its_message(name, command, message):
    """A failed load that passes boots the kernel of the job before."""
    [(line, output)] = [each for each in _commands(name) if each[0].startswith(command)][:1]
    assert any(message.encode() in each for each in messages.failures(line, output))


@pytest.mark.parametrize("name", BOOTED)
def test_commands_that_succeed_have_no_failure(name):
    """A working board is not stopped by a text in its output."""
    commands = _commands(name)
    assert len(commands) > 3
    for line, output in commands:
        assert messages.failures(line, output) == [], line


@pytest.mark.parametrize("name", BOOTED)
def test_a_kernel_start_is_seen(console_of, name):
    """It is seen in what follows the boot command, and in nothing before."""
    console = console_of(f"stty raw -echo; cat {FIRMWARE}/{name}.raw; exec cat >/dev/null")
    if name == "panda-2010.09":  # ends before Linux prints
        assert re.search(rb"\nStarting kernel \.\.\.", _commands(name)[-1][1])
    else:
        wait_for_kernel(Dialogue(console), Boot(), Deadline(LIMIT_S, "boot"))
    started = kernel_pattern(Boot().kernel_start)
    before = _read(name).partition(b"Starting kernel")[0]
    assert re.search(started, before) is None


@pytest.mark.parametrize(
    ("name", "restarts"), [("panda-2023.01-no-atags", True), ("panda-2023.01-no-network", False)]
)
def test_a_restart_in_a_command_is_seen(name, restarts):
    """The board's new countdown is in the output of the command that reset it."""
    restarted = messages.restarted_pattern(Boot().interrupt)
    assert any(re.search(restarted, out) for _, out in _commands(name)) is restarts
