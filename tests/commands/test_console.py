"""lava-multinode console, on a real terminal."""

import os
import pty
import re
import select
import signal
import socket
import subprocess
import sys
import termios
import time
import tty
from pathlib import Path

import pytest

from lava_dispatcher_multinode.lab.lockfiles import LockFile, lock_directory

from ..console.conftest import Server
from ..needs import require

pytestmark = pytest.mark.slow

COMMAND = Path(sys.executable).parent / "lava-multinode"


class Terminal:
    """A terminal on which the verb runs."""

    def __init__(self, lab, *words):
        self.master, slave = pty.openpty()
        self.slave = slave
        self.before = termios.tcgetattr(slave)
        self.process = subprocess.Popen(
            [COMMAND, "console", "left", "--config-dir", lab, *words],
            stdin=slave,
            stdout=slave,
            stderr=slave,
        )
        self.seen = b""

    def until(self, text, seconds=30):
        """Read until `text` has arrived."""
        over = time.monotonic() + seconds
        while text not in self.seen:
            ready, _, _ = select.select([self.master], [], [], over - time.monotonic())
            assert ready, self.seen
            self.seen += os.read(self.master, 4096)

    def type(self, data):
        """Press keys."""
        os.write(self.master, data)

    def ends(self):
        """Return the exit code; the terminal's mode is restored."""
        code = self.process.wait(30)
        assert termios.tcgetattr(self.slave) == self.before
        return code

    def close(self):
        """End the process."""
        self.process.kill()
        self.process.wait()
        os.close(self.master)
        os.close(self.slave)


@pytest.fixture
def lab(tmp_path, monkeypatch):
    """A configuration directory with locks of its own."""
    monkeypatch.setenv("LAVA_LOCK_DIR", str(tmp_path / "locks"))
    (tmp_path / "devices").mkdir()
    return tmp_path


@pytest.fixture
def console(lab):
    """A function that starts the verb for a board with this connection."""
    opened = []

    def start(connection, *words, power="on: 'true'"):
        file = lab / "devices" / "left.yaml"
        text = f"device_type: panda\nconnection: {{{connection}}}\npower: {{{power}}}\n"
        file.write_text(text)
        opened.append(Terminal(lab, *words))
        return opened[-1]

    yield start
    for terminal in opened:
        terminal.close()


@pytest.fixture
def ser2net(tmp_path):
    """A function from an accepter to a port of ser2net, and the board behind it."""
    require("ser2net")
    board, slave = pty.openpty()
    tty.setraw(slave)
    servers = []

    def start(accepter):
        servers.append(Server(tmp_path, os.ttyname(slave), accepter))
        servers[-1].start()
        return servers[-1].port, board

    yield start
    for server in servers:
        server.stop()
    os.close(board)
    os.close(slave)


def test_a_command_as_console(console):
    """Keys go to the board, including Ctrl-C; Ctrl-] leaves, and later keys are dropped."""
    terminal = console("command: stty raw -echo; echo ready; cat -v")
    terminal.until(b"ready")
    terminal.type(b"a\x03b\r")
    terminal.until(b"a^Cb^M")
    assert LockFile(lock_directory(), "left").holder().job == "console"
    terminal.type(b"c\x1dd")
    assert terminal.ends() == 0
    assert LockFile(lock_directory(), "left").holder() is None


def test_a_network_port(console):
    """Raw TCP; when the far end closes, the exit code is 3."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        terminal = console(f"serial: 'socket://127.0.0.1:{port}', reconnect: 0")
        far, _ = server.accept()
    with far:
        far.sendall(b"U-Boot\r\n")
        terminal.until(b"U-Boot")
        terminal.type(b"help\r")
        assert far.recv(100) == b"help\r"
    assert terminal.ends() == 3


@pytest.mark.parametrize(
    ("scheme", "accepter"), [("telnet", "telnet,tcp"), ("rfc2217", "telnet(rfc2217),tcp")]
)
def test_a_console_server(scheme, accepter, console, ser2net):
    """Telnet and RFC 2217 pass every byte in both directions, including telnet's own."""
    port, board = ser2net(accepter)
    terminal = console(f"serial: '{scheme}://127.0.0.1:{port}'")
    terminal.until(b"Ctrl-]")
    every = bytes(byte for byte in range(256) if byte != 0x1D)  # that one leaves
    os.write(board, every)
    terminal.until(every)
    terminal.type(every)
    typed = b""
    while len(typed) < len(every):
        assert select.select([board], [], [], 20)[0], typed
        typed += os.read(board, 4096)
    assert typed == every
    terminal.type(b"\x1d")
    assert terminal.ends() == 0


def test_a_serial_device(console):
    """A serial device; its output is shown before any input."""
    master, slave = pty.openpty()
    name = os.ttyname(slave)
    os.close(slave)  # or the port would count as in use
    try:
        terminal = console(f"serial: {name}")
        terminal.until(b"Ctrl-]")
        os.write(master, b"login: ")
        terminal.until(b"login: ")
        terminal.type(b"\x1d")
        assert terminal.ends() == 0
    finally:
        os.close(master)


def test_a_run_holds_it(console, lab):
    """The console of a run is shown read-only, until the run ends."""
    raw = lab / "run" / "nodes" / "left" / "console.raw"
    raw.parent.mkdir(parents=True)
    program = (
        "import sys\n"
        "from lava_dispatcher_multinode.lab.lockfiles import LockFile, lock_directory\n"
        "lock = LockFile(lock_directory(), 'left')\n"
        "assert lock.acquire('the job')\n"
        f"file = open({str(raw)!r}, 'wb', buffering=0)\n"
        "file.write(b'before ')\n"
        "print('held', flush=True)\n"
        "for line in sys.stdin: file.write(line.encode())\n"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout.readline() == "held\n"
        terminal = console("command: cat")
        terminal.until(b"before ")
        assert re.search(rb"held by .*'the job'.*read-only", terminal.seen)
        terminal.type(b"typed")
        holder.stdin.write("after\n")
        holder.stdin.flush()
        terminal.until(b"after")
        terminal.type(b"\x1d")
        assert terminal.ends() == 0
        assert raw.read_bytes() == b"before after\n"
        again = console("command: cat")
        again.until(b"after")
        holder.stdin.close()
        holder.wait(20)
        assert again.ends() == 0
    finally:
        holder.kill()
        holder.wait()
        holder.stdout.close()
        if not holder.stdin.closed:
            holder.stdin.close()


def test_a_simulated_board_has_none(console):
    """A simulated board has no console outside of a run; exit code 3."""
    assert console("simulated: true").ends() == 3


def test_an_interrupt_from_outside(console):
    """SIGINT restores the terminal."""
    terminal = console("command: cat")
    terminal.until(b"Ctrl-]")
    end = time.monotonic() + 20
    while termios.tcgetattr(terminal.master)[3] & termios.ICANON:  # until it is raw
        assert time.monotonic() < end
        time.sleep(0.01)
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.ends() == 130


def test_a_board_is_seen_to_boot(console, tmp_path):
    """--power acts when the console is open, so that the first character is shown."""
    wire = tmp_path / "wire"
    os.mkfifo(wire)
    power = f"on: echo U-Boot SPL > {wire}, off: 'true', settle: 0"
    terminal = console(f"command: cat {wire} -", "--power", "cycle", power=power)
    terminal.until(b"U-Boot SPL")
    terminal.until(b"left: switched off and on again")
    terminal.type(b"\x1d")
    assert terminal.ends() == 0


def test_a_switch_that_fails_leaves_the_console(console):
    """A failed power switch is reported; the console remains usable; the exit code is 3."""
    power = "on: 'false', off: 'true', settle: 0, retries: 1"
    terminal = console("command: stty raw -echo; cat", "--power", "on", power=power)
    terminal.until(b"left: power.on 'false' exited with 1")
    terminal.type(b"still there\r")
    terminal.until(b"still there")
    terminal.type(b"\x1d")
    assert terminal.ends() == 3


def test_the_board_of_a_run_is_not_switched(console, lab):
    """A held board may be viewed, but not switched: exit code 4."""
    lock = LockFile(lock_directory(), "left")
    assert lock.acquire("a job")
    try:
        terminal = console("command: cat", "--power", "off")
        terminal.until(b"left is held by")
        assert terminal.ends() == 4
    finally:
        lock.release()


def test_a_manual_switch_is_refused(console):
    """The user cannot confirm on a terminal whose keys go to the board."""
    terminal = console("command: cat", "--power", "on", power="manual: true")
    terminal.until(b"left: the power is switched by hand")
    assert terminal.ends() == 3
