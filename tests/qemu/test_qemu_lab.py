"""Emulated boards: console, card and power."""

from __future__ import annotations

import os
import signal

import pytest

from lava_dispatcher_multinode.errors import PowerError
from lava_dispatcher_multinode.qemu.qemu_lab import EXIT_PREFIX

pytestmark = pytest.mark.slow

PROMPT = b"\n=> "


def test_power(lab, emulated, listen):
    """Each power-on starts U-Boot, on the same console."""
    board = lab.add(emulated())
    console = listen(board)
    for _ in range(2):
        board.power_on()
        assert b"DRAM:  256 MiB" in console.until(b"Hit any key to stop autoboot")
        console.type(b"\r")
        console.until(PROMPT)
        console.type(b"echo a$board\r")
        console.until(b"\naqemu-arm")
        board.power_off()
        console.heard = b""


def test_input_without_power_is_lost(lab, emulated, listen):
    """Input from while the power was off does not stop the countdown of U-Boot."""
    board = lab.add(emulated())
    console = listen(board)
    console.type(b"x" * 100)
    board.power_on()
    assert b"2 \b\b\b 1" in console.until(b" 0 ")


def test_the_card(lab, emulated, listen):
    """U-Boot reads data written while the power was off; the card size is rounded up."""
    board = lab.add(emulated(memory=512))
    board.card.write_bytes(b"\0" * 65 * (1 << 20) + b"here")
    console = listen(board)
    board.power_on()
    assert b"DRAM:  512 MiB" in console.until(b"autoboot")
    console.type(b"\r")
    console.until(PROMPT)
    console.type(b"virtio scan; virtio read 0x48000000 0x20800 1; md.b 0x48000000 4\r")
    assert b"68 65 72 65" in console.until(b"here")
    board.power_off()
    assert board.card.stat().st_size == 128 << 20


def test_a_crash_of_qemu_is_reported_on_the_console(lab, emulated, listen):
    """A crash of QEMU prints the prefix that the default layer has as a death string."""
    board = lab.add(emulated())
    console = listen(board)
    board.power_on()
    os.kill(board._qemu._process.pid, signal.SIGSEGV)
    told = console.until(b"(signal 11)")
    assert EXIT_PREFIX.encode() in told
    board.power_off()


def test_errors_of_qemu_are_passed_on(lab, emulated):
    """The error for wrong `arguments` has the message of QEMU."""
    board = lab.add(emulated(arguments=("-nonsense",)))
    with pytest.raises(PowerError, match=r"panda01: qemu-system-arm did not start.*-nonsense"):
        board.power_on()


def test_missing_qemu(lab, emulated, monkeypatch):
    """The error names the packages to install."""
    board = lab.add(emulated())
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(PowerError, match="apt-get install qemu-system-arm u-boot-qemu"):
        board.power_on()


def test_a_missing_firmware_is_named(lab, emulated):
    """The error for a missing firmware names the file and the key."""
    board = lab.add(emulated(firmware="/nowhere/u-boot.bin"))
    with pytest.raises(Exception, match="/nowhere/u-boot.bin: check connection.qemu.firmware"):
        board.power_on()


def test_closing_the_lab_ends_the_boards(tmp_path, lab, emulated):
    """After closing the lab, no QEMU runs."""
    board = lab.add(emulated())
    board.power_on()
    pid = board._qemu._process.pid
    lab.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    lab._boards.clear()  # closed already
