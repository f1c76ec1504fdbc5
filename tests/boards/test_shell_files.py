"""Uploads through a shell arrive whole, with any shell, programs and line."""

from __future__ import annotations

import os
import shlex
import sys
import tempfile
from pathlib import Path

import pytest

from lava_dispatcher_multinode.boards import shell_files
from lava_dispatcher_multinode.boards.shell import Shell
from lava_dispatcher_multinode.boards.shell_files import ShellUploader
from lava_dispatcher_multinode.console.expect import Dialogue
from lava_dispatcher_multinode.deadline import Deadline
from lava_dispatcher_multinode.errors import ActionTimeout, BootError, DeployError

from .conftest import COOKED

pytestmark = pytest.mark.slow


def test_a_small_file_arrives(shell, tmp_path):
    """Every byte value survives the terminal."""
    ShellUploader(shell).upload(bytes(range(256)), str(tmp_path / "it's here"))
    assert (tmp_path / "it's here").read_bytes() == bytes(range(256))
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["it's here"]


def test_a_file_of_many_blocks_arrives(shell, tmp_path):
    """More than one block, and not a whole number of them."""
    data = os.urandom(3 * shell_files.BLOCK_BYTES + 17)
    ShellUploader(shell).upload(data, str(tmp_path / "big"))
    assert (tmp_path / "big").read_bytes() == data


def test_a_board_without_base64_gets_files_too(shell, tmp_path, monkeypatch):
    """printf alone is enough."""
    monkeypatch.setattr(Shell, "has", lambda self, program: program != "base64")
    data = os.urandom(5000)
    ShellUploader(shell).upload(data, str(tmp_path / "file"))
    assert (tmp_path / "file").read_bytes() == data


def test_a_board_without_checksums_prints_the_file(shell, tmp_path, monkeypatch):
    """od replaces the checksum and finds damage."""
    lacks = {"base64", *shell_files.CHECKSUMS}
    monkeypatch.setattr(Shell, "has", lambda self, program: program not in lacks)
    data = os.urandom(700) + bytes(40)
    ShellUploader(shell).upload(data, str(tmp_path / "file"))
    assert (tmp_path / "file").read_bytes() == data


#: A UART of 16 bytes and no flow control: what comes while it is full is lost.
UART = """
import os, pty, select, sys, threading, time
pid, master = pty.fork()
if pid == 0:
    os.execvp("/bin/sh", ["sh", "-c", sys.argv[1]])
held, lost, changed = bytearray(), 0, threading.Condition()
def drain():
    while True:
        with changed:
            changed.wait_for(lambda: held)
            data = bytes(held)
            time.sleep(0.002)
            held.clear()
        os.write(master, data)
def pass_on():
    while True:
        try:
            os.write(1, os.read(master, 4096))
        except OSError:
            os._exit(0)
for job in (drain, pass_on):
    threading.Thread(target=job, daemon=True).start()
print("powered", flush=True)
while data := os.read(0, 65536):
    with changed:
        held += data[: 16 - len(held)]
        changed.notify()
"""


def test_a_line_without_flow_control_loses_nothing(console_of, tmp_path):
    """connection.fifo limits the unacknowledged bytes to what the UART holds; else all is lost."""
    (tmp_path / "uart.py").write_text(UART)
    script = shlex.quote("stty sane; exec busybox ash -i")
    command = f"{shlex.quote(sys.executable)} {tmp_path}/uart.py {script}"
    data = os.urandom(400)
    for fifo, arrives in ((16, True), (0, False)):
        dialogue = Dialogue(console_of(command))
        dialogue.expect([b"powered"], timeout=30, step="waited for the UART")
        shell = Shell(dialogue, Deadline(110 if arrives else 1, "test"), fifo=fifo)
        if arrives:
            shell.prepare()
            with tempfile.TemporaryDirectory(dir="/tmp") as short:
                ShellUploader(shell).upload(data, f"{short}/f")
                assert Path(short, "f").read_bytes() == data
        else:
            with pytest.raises((ActionTimeout, BootError, DeployError)):
                shell.prepare()


def test_a_file_that_cannot_be_written_is_an_error(shell):
    """The message quotes the board."""
    with pytest.raises(DeployError, match="cannot write /nowhere/file on the board"):
        ShellUploader(shell).upload(b"x", "/nowhere/file")


def test_damaged_blocks_are_sent_again(console_of, tmp_path):
    """A lost character repeats a block; the file arrives intact."""

    class Lossy(Dialogue):
        """Drops a character of the first block."""

        hit = False

        def send(self, data):
            if not self.hit and b"base64 -d >" in data:
                self.hit = True
                data = data[:200] + data[201:]
            super().send(data)

    console = console_of(COOKED.format(directory=tmp_path, shell="dash -i"))
    dialogue = Lossy(console)
    shell = Shell(dialogue, Deadline(60, "test"))
    shell.prepare()
    data = os.urandom(9000)
    ShellUploader(shell).upload(data, str(tmp_path / "file"))
    assert dialogue.hit
    assert (tmp_path / "file").read_bytes() == data
