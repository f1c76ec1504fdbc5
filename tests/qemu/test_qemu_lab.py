"""Emulated boards as the dispatcher sees them: console, card, power."""

from __future__ import annotations

import os
import signal

import pytest

from lava_dispatcher_multinode.errors import PowerError
from lava_dispatcher_multinode.qemu.qemu_lab import DIED

pytestmark = pytest.mark.slow

PROMPT = b"\n=> "


def test_power_as_with_a_real_switch(lab, emulated, listen):
    """On is a real U-Boot from its first word, again on the same console after off."""
    board = lab.add(emulated())
    console = listen(board)
    for _ in range(2):
        board.power_on()
        assert b"DRAM:  256 MiB" in console.until(b"Hit any key to stop autoboot")
        console.say(b"\r")
        console.until(PROMPT)
        console.say(b"echo a$board\r")
        console.until(b"\naqemu-arm")
        board.power_off()
        console.heard = b""


def test_what_is_typed_at_a_board_that_is_off_is_lost(lab, emulated, listen):
    """It does not wait for U-Boot, whose countdown it would stop."""
    board = lab.add(emulated())
    console = listen(board)
    console.say(b"x" * 100)
    board.power_on()
    assert b"2 \b\b\b 1" in console.until(b" 0 ")


def test_the_card_is_the_board_s(lab, emulated, listen):
    """U-Boot finds what was written while the power was off; the size is rounded as cards are."""
    board = lab.add(emulated(memory=512))
    board.card.write_bytes(b"\0" * 65 * (1 << 20) + b"here")
    console = listen(board)
    board.power_on()
    assert b"DRAM:  512 MiB" in console.until(b"autoboot")
    console.say(b"\r")
    console.until(PROMPT)
    console.say(b"virtio scan; virtio read 0x48000000 0x20800 1; md.b 0x48000000 4\r")
    assert b"68 65 72 65" in console.until(b"here")
    board.power_off()
    assert board.card.stat().st_size == 128 << 20


def test_a_crash_of_the_emulator_is_told_on_the_console(lab, emulated, listen):
    """Nobody waits for a board that has stopped existing: the layer makes it a death string."""
    board = lab.add(emulated())
    console = listen(board)
    board.power_on()
    os.kill(board._qemu._process.pid, signal.SIGSEGV)
    told = console.until(b"(signal 11)")
    assert DIED.encode() in told
    board.power_off()


def test_what_qemu_refuses_is_an_error_with_its_words(lab, emulated):
    """A slip in `arguments` is shown as QEMU puts it."""
    board = lab.add(emulated(arguments=("-nonsense",)))
    with pytest.raises(PowerError, match=r"panda01: qemu-system-arm did not start.*-nonsense"):
        board.power_on()


def test_a_host_without_qemu_is_told_what_to_install(lab, emulated, monkeypatch):
    """The message is the remedy."""
    board = lab.add(emulated())
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(PowerError, match="apt-get install qemu-system-arm u-boot-qemu"):
        board.power_on()


def test_a_missing_firmware_is_named(lab, emulated):
    """So is the key that asked for it."""
    board = lab.add(emulated(firmware="/nowhere/u-boot.bin"))
    with pytest.raises(Exception, match="/nowhere/u-boot.bin: connection.qemu.firmware"):
        board.power_on()


def test_the_lab_s_end_is_every_board_s(tmp_path, lab, emulated):
    """Nothing goes on running."""
    board = lab.add(emulated())
    board.power_on()
    pid = board._qemu._process.pid
    lab.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    lab._boards.clear()  # closed already
