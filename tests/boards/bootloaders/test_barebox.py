"""The barebox dialogue with a fake, since no package has a real one."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from lava_dispatcher_multinode.boards.bootloaders.barebox import BareboxLoader
from lava_dispatcher_multinode.boards.deploy.tftp_boot import ServedFile
from lava_dispatcher_multinode.boards.driver import CountdownMissed
from lava_dispatcher_multinode.console.expect import Dialogue
from lava_dispatcher_multinode.deadline import Deadline
from lava_dispatcher_multinode.errors import BootError
from lava_dispatcher_multinode.lab.device_sections import Boot

#: A fake barebox: countdown, prompt, echo, Ctrl-C, `$?`, and a few commands.
FAKE = r"""
import os, re, sys, tty
tty.setraw(0)
def out(text):
    os.write(1, text.replace("\n", "\r\n").encode())
PROMPT = "\x1b[0mbarebox@Fake Board:/ "
status, variables = 0, {}
out("\n\nbarebox 2023.01.0 #1\n\n\nBoard: Fake Board\n")
if sys.argv[1] == "boots":
    out("Hit any key to stop autoboot:    0\n\nbooting 'net'\nLinux version 6.1\n")
    os.read(0, 1000)
out("\nHit m for menu or any key to stop autoboot:    3")
os.read(0, 1)
out("\n" + PROMPT)
line = ""
while True:
    key = os.read(0, 1).decode()
    if key == "\x03":
        line = ""
        out("^C\n" + PROMPT)
    elif key != "\r":
        line += key
        out(key)
    else:
        out("\n")
        for command in filter(None, line.split("; ")):
            command = command.replace("$?", str(status))
            command = re.sub(r"\$(\w+)", lambda found: variables.get(found[1], ""), command)
            name, equals, value = command.partition("=")
            if command.startswith("echo "):
                out(command[5:] + "\n")
                status = 0
            elif equals and name.isidentifier():
                variables[name], status = value, 0
            elif command.startswith("global ") or command == "true":
                status = 0
            elif command == "false":
                status = 1
            elif command == "bootm /kernel":
                out("\nLoading ARM Linux zImage '/kernel'\n[    0.000000] Linux version 6.1\n")
            elif command == "crash":
                out("\nbarebox 2023.01.0 #1\n")
            elif command.startswith("cp "):
                out("could not open %s: No such file or directory\n" % command.split()[1])
                status = 1
            else:
                out("%s: Command not found\n" % command.split()[0])
                status = 127
        line = ""
        out(PROMPT)
"""


@pytest.fixture
def barebox(console_of, tmp_path):
    """Return a function that starts the fake and returns the dialogue with it."""
    (tmp_path / "fake_barebox.py").write_text(FAKE)

    def make(how="counts"):
        console = console_of(f"exec {sys.executable} {tmp_path}/fake_barebox.py {how}")
        return BareboxLoader(Dialogue(console), Boot(), Deadline(60, "test")), console

    return make


@pytest.mark.parametrize("spam", [False, True])
def test_from_the_countdown_to_the_kernel(barebox, spam):
    """Each line is typed once; the status of a command that passed is 0."""
    made, console = barebox()
    made.interrupt(spam=spam)
    made.run("global linux.bootargs.lava='console=ttymxc0,115200'")
    made.run("echo hello")
    assert "hello" in console.tail()
    assert made.start("bootm /kernel") is True


@pytest.mark.parametrize(
    ("command", "error"),
    [
        ("frobnicate", "frobnicate: Command not found (status 127)"),
        ("false", "status 1"),
        ("cp /mnt/tftp/x /y", "could not open /mnt/tftp/x: No such file or directory (status 1)"),
        ("crash", "the board started again"),
    ],
)
def test_a_failed_command_is_an_error_with_its_message(barebox, command, error):
    """The status decides; the output explains."""
    made, _ = barebox()
    made.interrupt()
    with pytest.raises(BootError) as caught:
        made.run(command)
    assert str(caught.value).splitlines()[0] == f"barebox: '{command}' failed: {error}"


def test_a_boot_command_that_comes_back_is_an_error(barebox):
    """Its output is the cause."""
    made, _ = barebox()
    made.interrupt()
    with pytest.raises(BootError, match="'boot mmc' failed: boot: Command not found"):
        made.start("boot mmc")


def test_a_kernel_before_the_prompt_is_a_missed_countdown(barebox):
    """The next attempt sends keys from power-on."""
    made, _ = barebox("boots")
    with pytest.raises(CountdownMissed, match="check that this board prints boot.interrupt"):
        made.interrupt()


def test_the_lines_of_a_network_boot():
    """Each file is copied from TFTP; bootm gets those that the job names."""
    settings = SimpleNamespace(setup=("dhcp",), port=6969, bootargs="console=ttymxc0")
    files = {"kernel": ServedFile("1/kernel", "0x1"), "dtb": ServedFile("1/dtb", "0x2")}
    network = SimpleNamespace(settings=settings, host="10.0.0.1", files=files)
    assert BareboxLoader.network_commands(network) == (
        "dhcp",
        "global net.server=10.0.0.1",
        "mkdir -p /mnt/lava",
        "mount -t tftp -o port=6969 10.0.0.1 /mnt/lava",
        "cp /mnt/lava/1/kernel /kernel",
        "cp /mnt/lava/1/dtb /dtb",
        "global linux.bootargs.lava='console=ttymxc0'",
        "bootm -o /dtb /kernel",
    )
