"""A console over ssh: a real client, and a real server on loopback."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import threading
import time
from pathlib import Path

import pytest

from lava_dispatcher_multinode.boards.hardware import connect
from lava_dispatcher_multinode.boards.linux import log_in
from lava_dispatcher_multinode.boards.restart import BoardRestart
from lava_dispatcher_multinode.boards.standard_board import StandardBoard
from lava_dispatcher_multinode.console.board_console import Console
from lava_dispatcher_multinode.console.expect import Dialogue
from lava_dispatcher_multinode.console.open import open_console
from lava_dispatcher_multinode.console.ssh import _host_and_port
from lava_dispatcher_multinode.console.transcript import Transcript
from lava_dispatcher_multinode.deadline import Deadline
from lava_dispatcher_multinode.errors import ConsoleError
from lava_dispatcher_multinode.lab.device_model import Device
from lava_dispatcher_multinode.lab.device_sections import Boot, ConsoleConnection, Login, Power

from ..needs import program, require

PASSWORD = "it's a \\secret $1"
#: The server is the first process of its namespace: a restart of the "board" ends every process
#: of it. Users, password and boot ID are those of files.
BOARD = """
mount --bind {directory}/passwd /etc/passwd
mount --bind {directory}/shadow /etc/shadow
mount --bind {directory}/boot_id /proc/sys/kernel/random/boot_id
mkdir -p /run/sshd
exec {sshd} -D -e -f {directory}/sshd_config
"""


class Board:
    """A board that is only reachable by ssh."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self._boots = 0
        self._server: subprocess.Popen[bytes] | None = None
        self.target = f"root@127.0.0.1:{self.port}"
        for name in ("host", "user"):
            words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(directory / name)]
            subprocess.run(words, check=True)
        words = ["openssl", "passwd", "-6", "-stdin"]
        crypted = subprocess.run(
            words, check=True, capture_output=True, text=True, input=PASSWORD
        ).stdout.strip()
        (directory / "shadow").write_text(f"root:{crypted}:19000:0:99999:7:::\n")
        users = "root:x:0:0:root:{}:/bin/sh\nsshd:x:100:65534::/run/sshd:/usr/sbin/nologin\n"
        (directory / "passwd").write_text(users.format(directory))
        (directory / "sshd_config").write_text(
            f"ListenAddress 127.0.0.1:{self.port}\nHostKey {directory}/host\nPidFile none\n"
            f"AuthorizedKeysFile {directory}/user.pub\nStrictModes no\nUsePAM no\n"
            f"PermitRootLogin yes\n"
            f"ForceCommand PATH={directory}:$PATH exec sh -i\n"
        )
        # The first `reboot` of the shell's PATH: that of this host must never run.
        (directory / "reboot").write_text(f"#!/bin/sh\ntouch {directory}/REBOOT\n")
        (directory / "reboot").chmod(0o755)

    def start(self) -> None:
        """Start it, with the ID of a new boot; return when it listens."""
        self._boots += 1
        boot_id = f"{self._boots:08x}-0000-4000-8000-000000000000\n"
        (self.directory / "boot_id").write_text(boot_id)
        script = BOARD.format(directory=self.directory, sshd=program("sshd"))
        words = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
        with (self.directory / "log").open("wb") as log:
            self._server = subprocess.Popen([*words, "sh", "-ec", script], stderr=log)
        until = time.monotonic() + 20
        while f":{self.port:04X} 00000000:0000 0A" not in Path("/proc/net/tcp").read_text():
            assert time.monotonic() < until, (self.directory / "log").read_text()
            time.sleep(0.02)

    def stop(self) -> None:
        """End all of it."""
        if self._server is not None:
            self._server.kill()
            self._server.wait()
            self._server = None


@pytest.fixture
def board(tmp_path, monkeypatch):
    """Return a running board; the client does not use the user's own files."""
    require("root's namespaces", "sshd", "openssl")
    config = (
        f"UserKnownHostsFile {tmp_path}/known\nIdentityFile {tmp_path}/user\nIdentitiesOnly yes\n"
    )
    (tmp_path / "config").write_text(config)
    client = tmp_path / "client" / "ssh"
    client.parent.mkdir()
    client.write_text(f'#!/bin/sh\nexec {shutil.which("ssh")} -F {tmp_path}/config "$@"\n')
    client.chmod(0o755)
    monkeypatch.setenv("PATH", f"{client.parent}:{os.environ['PATH']}")
    made = Board(tmp_path)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def console_at(tmp_path):
    """Return a function that opens a console over ssh; the test's end closes it."""
    consoles = []

    def make(target, password=None, **keys):
        connection = ConsoleConnection(ssh=target, **keys)
        transport = open_console(connection, "b1", password=password)
        consoles.append(Console(transport, Transcript(tmp_path / "node", time.monotonic)))
        return consoles[-1]

    yield make
    for console in consoles:
        console.close()


def _shell(console):
    return log_in(Dialogue(console), Login(timeout=30), Deadline(60, "test"))


def test_a_login_with_a_key(board, console_at):
    """The console begins with the board's own output, at root's shell."""
    console = console_at(board.target)
    shell = _shell(console)
    assert shell.run("echo $SSH_TTY | cut -c 1-8; id -u") == (0, "/dev/pts\n0")
    assert shell.try_run("sleep 60", 0.5) is None
    shell.interrupt()
    assert shell.run("echo interrupted", timeout=20) == (0, "interrupted")
    assert "lava-ssh" not in (board.directory / "node" / "console.log").read_text()


def test_a_login_with_a_password(board, console_at):
    """It is in no list of processes, no environment and no file."""
    (board.directory / "user").unlink()
    seen = []

    def look():
        while not over.wait(0.005):
            for process in Path("/proc").iterdir():
                if process.name.isdecimal() and process.name != str(os.getpid()):
                    for name in ("cmdline", "environ"):
                        try:
                            text = (process / name).read_bytes()
                        except OSError:
                            continue
                        if b"secret $1" in text:
                            seen.append(text)

    over = threading.Event()
    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        console = console_at(board.target, PASSWORD)
        assert _shell(console).run("echo up") == (0, "up")
    finally:
        over.set()
        watcher.join()
    assert not seen
    files = [file for file in board.directory.rglob("*") if file.is_file()]
    assert files
    assert not any(b"secret $1" in file.read_bytes() for file in files)


def test_a_refused_login_is_an_error_at_once(board, console_at):
    """The client's message is shown, and the keys are named."""
    (board.directory / "user").unlink()
    said = r"Permission denied .*check connection\.ssh, the keys and login\.password"
    for password in (None, "wrong"):
        with pytest.raises(ConsoleError, match=said) as caught:
            console_at(board.target, password)
        assert "wrong" not in str(caught.value)


def test_a_changed_host_key_is_an_error(board, console_at):
    """A new key is accepted once; another board at the address is not."""
    console_at(board.target).close()
    known = board.directory / "known"
    other = (board.directory / "user.pub").read_text().split()[1]
    words = known.read_text().split()
    known.write_text(" ".join([*words[:2], other]) + "\n")
    with pytest.raises(ConsoleError, match="Host key verification failed"):
        console_at(board.target)


def test_a_board_without_server_is_an_error(board, console_at):
    """Without a power switch, nothing would start it."""
    board.stop()
    with pytest.raises(ConsoleError, match="Connection refused"):
        console_at(board.target)


def test_a_reboot_is_followed(board, console_at):
    """The connection drops, or lives on for a while, and the next boot's shell answers."""
    console = console_at(board.target)
    dialogue = Dialogue(console)
    shell = log_in(dialogue, Login(timeout=30), Deadline(60, "test"))
    assert shell.run("command -v reboot")[1] == f"{board.directory}/reboot"
    reboot = board.directory / "REBOOT"

    def restart():
        while not reboot.exists():
            time.sleep(0.02)
        time.sleep(1.5)  # Linux stops its services
        board.stop()
        board.start()

    other = threading.Thread(target=restart)
    other.start()
    try:
        BoardRestart(None, dialogue).start(lambda _: None, "reset", Deadline(60, "test"))
        shell = log_in(dialogue, Login(timeout=30), Deadline(60, "test"))
        assert shell.run("cat /proc/sys/kernel/random/boot_id")[1].startswith("00000002-")
    finally:
        reboot.touch()
        other.join()


@pytest.mark.parametrize("switched", [False, True], ids=["by itself", "by its power switch"])
def test_a_board_boots_behind_ssh(board, tmp_path, switched):
    """Neither a boot loader nor a kernel is seen: the shell of the next boot is enough."""
    marks = {name: tmp_path / name for name in ("REBOOT", "OFF", "ON")}
    over = threading.Event()

    def control():
        while not over.wait(0.02):
            for name, mark in marks.items():
                if mark.exists():
                    board.stop()
                    if name != "OFF":
                        board.start()
                    mark.unlink()

    def command(name):
        return f"touch {marks[name]}; while [ -e {marks[name]} ]; do sleep 0.05; done"

    device = Device(
        "b1",
        "pc",
        bootloader="none",
        connection=ConsoleConnection(ssh=board.target),
        power=Power(on=command("ON"), off=command("OFF")) if switched else Power(),
        boot=Boot(retries=1),
    )
    other = threading.Thread(target=control)
    other.start()
    with contextlib.ExitStack() as stack:
        stack.callback(other.join)
        stack.callback(over.set)
        hardware = connect(device, None)
        console = Console(hardware.transport, Transcript(tmp_path / "node", time.monotonic))
        stack.callback(console.close)
        driver = StandardBoard(device, console, hardware, lambda _: None, lambda *_, **__: None)
        for boot in (2, 3):
            shell = driver.boot(Deadline(60, "test"))
            answer = shell.run("cat /proc/sys/kernel/random/boot_id")[1]
            assert answer.startswith(f"{boot:08x}-")
        driver.power_off()


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("root@b1", ("root@b1", "")),
        ("root@b1:2222", ("root@b1", "2222")),
        ("root@[fe80::1]:22", ("root@fe80::1", "22")),
        ("root@[fe80::1]", ("root@fe80::1", "")),
    ],
)
def test_the_port_is_optional(target, expected):
    """IPv6 addresses with a port are in brackets."""
    assert _host_and_port(target) == expected
