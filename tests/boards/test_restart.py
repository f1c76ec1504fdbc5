"""A restart is met by the console, whenever the switch answers and the console appears.

The board is a stand-in on a real terminal: a countdown, a prompt, and then a real shell.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from lava_dispatcher_multinode.boards.hardware import connect
from lava_dispatcher_multinode.boards.host_command import run_command
from lava_dispatcher_multinode.boards.standard_board import StandardBoard
from lava_dispatcher_multinode.console import reconnect
from lava_dispatcher_multinode.console.board_console import Console
from lava_dispatcher_multinode.console.transcript import Transcript
from lava_dispatcher_multinode.deadline import Deadline
from lava_dispatcher_multinode.errors import BootError, ConsoleError, PowerError
from lava_dispatcher_multinode.lab.device_model import Device
from lava_dispatcher_multinode.lab.device_sections import Boot, ConsoleConnection, Power

pytestmark = pytest.mark.slow

#: A U-Boot that boots after a second unless a key comes; `boot` starts a kernel and a shell.
#: The console belongs to the adapter, so it stays if the board is off.
BOARD = r"""
import os, select, subprocess, sys, termios, time, tty
on = sys.argv[1]

def say(text):
    os.write(1, text)

def key(seconds):
    over = time.monotonic() + seconds
    while time.monotonic() < over and os.path.exists(on):
        if select.select([0], [], [], 0.05)[0]:
            return os.read(0, 1)
    return b""

def power():
    while not os.path.exists(on):
        if select.select([0], [], [], 0.02)[0]:
            os.read(0, 100)
    say(b"\r\nU-Boot 2023.01\r\n" if len(sys.argv) > 2 else
        b"\r\nU-Boot 2023.01\r\nHit any key to stop autoboot:  1 ")
    if not key(1):
        if os.path.exists(on):
            say(b"\r\nStarting kernel ...\r\n\r\n[    0.000000] Linux version 6.1\r\nb login: ")
        while os.path.exists(on):
            key(1)
        return
    say(b"\r\n=> ")
    line = b""
    while os.path.exists(on):
        got = key(60)
        if got == b"\x03":
            line = b""
            say(b"<INTERRUPT>\r\n=> ")
        elif got == b"\r" and line == b"boot":
            say(b"\r\nStarting kernel ...\r\n\r\n[    0.000000] Linux version 6.1\r\n")
            subprocess.call("stty sane; PS1='root@b:~# ' exec dash -i", shell=True)
        elif got in (b"\r", b"\n"):
            line = b""
            say(b"\r\n=> ")
        elif got:
            line += got
            say(got)

tty.setraw(0)
while True:
    power()
"""


class Desk:
    """A board with a power switch made of commands."""

    def __init__(self, directory):
        self.directory = directory
        (directory / "board.py").write_text(BOARD)
        self.on = directory / "ON"
        self.script = f"{sys.executable} {directory}/board.py {self.on}"
        self.steps = []
        self.console = None

    def board(self, power, **connection):
        """Return the driver; its console is the stand-in's unless `connection` says otherwise."""
        boot = Boot(("=> ",), commands=("boot",), retries=1, timeout=30.0)
        device = Device(
            "b1",
            "panda",
            connection=ConsoleConnection(**(connection or {"command": f"exec {self.script}"})),
            power=Power(**{"settle": 0.1, "retries": 1, **power}),
            boot=boot,
        )
        started = time.monotonic()
        transcript = Transcript(self.directory / "node", lambda: time.monotonic() - started)
        try:
            hardware = connect(device, None, transcript.note)
        except ConsoleError:
            transcript.close()
            raise
        self.console = Console(hardware.transport, transcript)
        return StandardBoard(
            device, self.console, hardware, self.steps.append, lambda *_, **__: None
        )


@pytest.fixture
def desk(tmp_path):
    """Return a desk; its console is closed at the end."""
    made = Desk(tmp_path)
    yield made
    if made.console is not None:
        made.console.close()


def _boot(board):
    return board.boot(Deadline(60, "test"))


def test_a_countdown_is_met_while_the_switch_still_answers(desk):
    """The board starts when the switch switches, not when its command ends."""
    board = desk.board({"on": f"touch {desk.on}; sleep 3", "off": f"rm -f {desk.on}"})
    started = time.monotonic()
    assert _boot(board).run("echo up") == (0, "up")
    assert time.monotonic() - started >= 3, "the command must end before the boot goes on"


def test_output_before_power_off_does_not_count(desk):
    """A slow switch lets the board boot on before it is cut off."""
    desk.on.touch()
    board = desk.board({"on": f"touch {desk.on}", "off": f"sleep 2; rm -f {desk.on}"})
    assert _boot(board).run("true")[0] == 0


@pytest.mark.parametrize("wait", [0.0, 2.0], ids=["at the countdown", "at the login"])
def test_a_late_cycle_of_a_running_board_is_met(desk, wait):
    """One command cuts the power at a time that is unknown."""
    desk.on.touch()
    cycle = f"sleep 2; rm -f {desk.on}; sleep 0.3; touch {desk.on}; sleep 3"
    board = desk.board({"cycle": cycle})
    time.sleep(wait)  # what the board does by itself
    assert _boot(board).run("true")[0] == 0


def test_an_old_prompt_is_none(desk):
    """A board that waits at its prompt answers until a late cycle cuts its power."""
    desk.on.touch()
    cycle = f"sleep 2; rm -f {desk.on}; sleep 0.3; touch {desk.on}; sleep 3"
    board = desk.board({"cycle": cycle})
    desk.console.write(b" ")
    assert _boot(board).run("true")[0] == 0


def test_a_late_failure_of_the_switch_is_an_error(desk):
    """It ends the wait for the boot loader, long before the time is up."""
    board = desk.board({"on": "sleep 1; echo no relay; exit 3", "off": "true"})
    started = time.monotonic()
    with pytest.raises(PowerError, match=r"power\.on 'sleep …' exited with 3: no relay"):
        _boot(board)
    assert time.monotonic() - started < 20


def test_a_missed_countdown_is_still_one(desk):
    """With separate commands, what comes after power-off counts."""
    power = {"on": f"touch {desk.on}; sleep 1", "off": f"rm -f {desk.on}"}
    board = desk.board(power, command=f"exec {desk.script} silently")
    with pytest.raises(BootError, match="a kernel started before U-Boot could be stopped"):
        _boot(board)


def _adapter(desk):
    """Return power commands of a board that powers its adapter, and the adapter's device."""
    port, pid = desk.directory / "ttyUSB0", desk.directory / "pid"
    on = (
        f"touch {desk.on}; sleep 0.5; socat PTY,link={port},rawer "
        f"EXEC:'{desk.script}',pty,rawer,setsid,ctty,stderr & echo $! > {pid}"
    )
    off = f"[ ! -e {pid} ] || kill $(cat {pid}); rm -f {pid} {desk.on}"
    return {"on": on, "off": off}, port


@pytest.mark.needs("socat")
@pytest.mark.parametrize("runs", [False, True], ids=["off at the start", "on at the start"])
def test_a_console_that_is_powered_with_the_board(desk, runs):
    """The adapter comes with the power, goes with it, and comes again."""
    power, port = _adapter(desk)
    if runs:
        run_command(power["on"], 10)
        while not Path(port).exists():
            time.sleep(0.02)
    board = desk.board(power, serial=str(port))
    try:
        if not runs:
            board.power_off()
        for _ in range(2):
            assert _boot(board).run("echo up") == (0, "up")
        board.power_off()
        until = time.monotonic() + 20
        while desk.console.connected:
            assert time.monotonic() < until
            time.sleep(0.02)
    finally:
        board.power_off()


@pytest.mark.needs("socat")
def test_an_adapter_that_does_not_come_is_an_error(desk, monkeypatch):
    """The wait is limited, and begins with the power."""
    monkeypatch.setattr(reconnect, "MIN_RETRY_DELAY_S", 0.05)
    port = desk.directory / "ttyUSB9"
    board = desk.board({"on": "sleep 1", "off": "true"}, serial=str(port), reconnect=0.5)
    with pytest.raises(ConsoleError, match=r"cannot open .*ttyUSB9: No such .* than 0\.5 s"):
        _boot(board)


def test_without_a_switch_a_missing_adapter_is_an_error_at_once(desk):
    """Nothing would make it appear."""
    with pytest.raises(ConsoleError, match="connect the adapter"):
        desk.board({}, serial=str(desk.directory / "ttyUSB9"))


@pytest.mark.needs("socat")
def test_an_echo_is_named_where_a_boot_loader_is_missing(desk):
    """Without a command for power-off, the boot is the first to notice."""
    echoes = "exec socat -,rawer EXEC:'sleep 60',pty"
    board = desk.board({"cycle": "true"}, command=echoes)
    board.device = replace(board.device, boot=replace(board.device.boot, autoboot_timeout=12.0))
    with pytest.raises(BootError, match="neither U-Boot's .* a terminal on the way .* echoes"):
        _boot(board)
