"""Simulated boards, and an operator at their consoles."""

from __future__ import annotations

import contextlib
import gzip
import io
import itertools
import os
import re
import select
from pathlib import Path

import pexpect
import pexpect.fdpexpect
import pytest

from lava_dispatcher_multinode.images.card import write_card
from lava_dispatcher_multinode.simulator import simulated_lab as lab_module
from lava_dispatcher_multinode.simulator.faults import FaultInjector
from lava_dispatcher_multinode.simulator.simulated_lab import SimulatedLab
from lava_dispatcher_multinode.simulator.uboot import uboot_commands
from lava_dispatcher_multinode.simulator.uboot.dialogue import SimulatedUBoot

from ..firmware import FIRMWARE
from ..needs import U_BOOT, require

IMAGES = Path(__file__).parents[2] / "examples" / "images"
#: What the dispatcher of 2013 typed, by board.
COMMANDS = {
    "panda": """\
mmc init
mmc part 0
setenv bootcmd 'fatload mmc 0:3 0x80200000 uImage; fatload mmc 0:3 0x81600000 uInitrd; \
bootm 0x80200000 0x81600000'
setenv bootargs ' console=tty0 console=ttyO2,115200n8 root=LABEL=testrootfs rootwait ro \
earlyprintk fixrtc nocompcache vram=48M omapfb.vram=0:24M mem=456M@0x80000000 mem=512M@0xA0000000'
boot""".splitlines(),
    "beaglexm": """\
mmc init
mmc part 0
setenv bootcmd 'fatload mmc 0:3 0x80000000 uImage; fatload mmc 0:3 0x81600000 uInitrd; \
bootm 0x80000000 0x81600000'
setenv bootargs ' console=tty0 console=ttyO2,115200n8 root=LABEL=testrootfs rootwait ro \
earlyprintk fixrtc nocompcache vram=12M omapfb.debug=y omapfb.mode=dvi:1280x720MR-16@60'
boot""".splitlines(),
}
_PROMPT = "root@{}:~# "


def write_example(card, model, layout="master"):
    """Deploy the example image of `model`."""
    packed = (IMAGES / f"{model}.img.gz").read_bytes()
    write_card(io.BytesIO(gzip.decompress(packed)), card, layout)


class Operator:
    """Reads the console of a board and types at it."""

    def __init__(self, board, model="panda"):
        self.board, self.model = board, model
        self._descriptor = os.open(board.console, os.O_RDWR | os.O_NOCTTY)
        self.log = io.BytesIO()
        self._spawn = pexpect.fdpexpect.fdspawn(
            self._descriptor, timeout=20, maxread=65536, searchwindowsize=8192
        )
        self._spawn.delaybeforesend = None
        self._spawn.logfile_read = self.log

    def expect(self, *texts, timeout=20):
        """Wait for one of the literal texts; return its index."""
        return self._spawn.expect_exact([text.encode() for text in texts], timeout=timeout)

    def deploy(self, layout="master"):
        """Write the example image to the card."""
        write_example(self.board.card, self.model, layout)

    @property
    def before(self):
        """The output before the last expected text."""
        return self._spawn.before.decode("latin-1")

    def type(self, text):
        """Type `text` without a return."""
        self._spawn.send(text.encode())

    def line(self, text):
        """Type a line."""
        self._spawn.send(text.encode() + b"\r")

    def loader(self):
        """Switch the power on and stop at the prompt of the boot loader."""
        self.board.power_on()
        self.expect("Hit any key to stop autoboot")
        self.type("\r")
        self.expect(FIRMWARE[self.model].prompt)

    def enter(self, command):
        """Type a command at the boot loader; return its output."""
        self.line(command)
        self.expect(FIRMWARE[self.model].prompt)
        return self.before.partition("\r\n")[2]

    def start_kernel(self, commands=None):
        """Go from power-on to the start of the kernel with the commands of 2013."""
        self.loader()
        *first, last = commands or COMMANDS[self.model]
        for command in first:
            self.enter(command)
        self.line(last)

    def login(self):
        """Go from the start of the kernel to a shell."""
        self.expect(f"{self.board.name} login: ")
        self.line("root")
        self.expect(_PROMPT.format(self.board.name))

    def boot(self):
        """Go from power-on to a shell; return the operator."""
        self.start_kernel()
        self.login()
        return self

    def run(self, command):
        """Run a command on the board; return its output and exit code."""
        joint = " " if command.endswith("&") else "; "
        self.line(f"{command}{joint}echo E''ND:$?:")
        self._spawn.expect(re.compile(rb"END:(\d+):\r\n"))
        output = self.before.partition("\r\n")[2].replace("\r\n", "\n")
        code = int(self._spawn.match.group(1))
        self.expect(_PROMPT.format(self.board.name))
        return output, code

    def silent(self, seconds):
        """Return True if nothing is printed for that long."""
        return not select.select([self._descriptor], [], [], seconds)[0]

    def close(self):
        """Close the console."""
        os.close(self._descriptor)


def make_lab(directory, confinement="namespaces"):
    """Return a lab; skip the test if this host refuses the confinement."""
    if confinement == "namespaces":
        require("user namespaces")
    return SimulatedLab(directory, confinement=confinement)


@pytest.fixture(scope="session")
def shared_lab(tmp_path_factory):
    """One lab in namespaces, for all tests that only need a board of their own."""
    with make_lab(tmp_path_factory.mktemp("lab")) as lab:
        yield lab


_numbers = itertools.count(1)


@pytest.fixture
def operator(shared_lab):
    """A function that adds a board with a deployed card and returns its operator."""
    with contextlib.ExitStack() as stack:

        def make(model="panda", *, card=True, lab=None, name=None, **faults):
            name = name or f"{model}{next(_numbers):02d}"
            board = (lab or shared_lab).add(name, FIRMWARE[model], faults)
            if card:
                write_example(board.card, model)
            made = Operator(board, model)
            stack.callback(made.close)
            return made

        yield make


class Finished(Exception):
    """All input was typed."""


class Script:
    """A serial line for firmware in the test process, with its input given in advance."""

    finished = Finished

    def __init__(self, *typed):
        self.typed = list(typed)
        self.output = ""
        self.faults = FaultInjector({"no_autoboot": True})
        self.kernel_since = None

    def write_text(self, text):
        """Print lines."""
        self.output += text

    def write(self, data):
        """Print bytes."""
        self.output += data.decode("latin-1")

    def receive(self, timeout):
        """Return the next input."""
        if timeout is not None:
            return b""
        if not self.typed:
            raise Finished
        return self.typed.pop(0).encode()

    def sleep(self, seconds):
        """Take no time."""

    def wait_for_power_cut(self):
        """End."""
        raise Finished


@pytest.fixture
def script():
    """The class of serial lines with input given in advance."""
    return Script


@pytest.fixture
def u_boot(tmp_path):
    """A function that types lines at U-Boot and returns its output; `.board` is the U-Boot."""

    def run(*lines, model="panda", card=None):
        serial = Script(*(line + "\r" for line in lines))
        no_card = tmp_path / "none"
        board = SimulatedUBoot(
            serial, FIRMWARE[model], card or no_card, None, uboot_commands.COMMANDS
        )
        run.board = board
        with contextlib.suppress(Finished):
            board.run()
        return serial.output.partition(FIRMWARE[model].prompt)[2]

    return run


@pytest.fixture
def real_u_boot():
    """A function that types a line at Debian's U-Boot on QEMU and returns its output."""
    command = f"qemu-system-arm -M virt -m 128 -bios {U_BOOT} -display none -monitor none"
    console = ["-chardev", "stdio,id=s0,signal=off", "-serial", "chardev:s0", "-net", "none"]
    program, *arguments = command.split()
    board = pexpect.spawn(program, [*arguments, *console], timeout=60, encoding="latin-1")
    board.delaybeforesend = None

    def run(line):
        for at in range(0, len(line), 16):  # no more than the UART's FIFO holds
            board.send(line[at : at + 16])
            board.expect_exact(line[at : at + 16])
        board.send("\r")
        board.expect("\n=> $")
        return "".join(f"{each}\n" for each in board.before.replace("\r", "").split("\n")[1:])

    board.expect("stop autoboot")
    board.send("\r")
    board.expect("\n=> $")
    yield run
    board.close(force=True)


@pytest.fixture
def card(tmp_path):
    """A card with the panda's example image, as a master card."""
    write_example(tmp_path / "card", "panda")
    return tmp_path / "card"


@pytest.fixture
def other_host(monkeypatch, tmp_path, shared_lab):
    """A function that makes a lab on a host changed by a line of Python."""
    launch = lab_module.subprocess.Popen

    @contextlib.contextmanager
    def make(difference, confinement="namespaces", **options):
        program = (
            "import sys\n"
            "from lava_dispatcher_multinode.simulator import spawner\n"
            "from lava_dispatcher_multinode.simulator.confinement import mounts, rootfs\n"
            f"{difference}\nsys.exit(spawner.main(sys.argv[1:]))"
        )

        def popen(command, **more):
            return launch([command[0], "-S", "-c", program, command[-1]], **more)

        monkeypatch.setattr(lab_module.subprocess, "Popen", popen)
        with lab_module.SimulatedLab(tmp_path, confinement=confinement, **options) as lab:
            yield lab

    return make
