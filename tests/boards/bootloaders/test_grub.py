"""The GRUB dialogue against a real one: Debian's, on a serial port of a PC in QEMU."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from lava_dispatcher_multinode.boards.bootloaders.grub import GrubLoader
from lava_dispatcher_multinode.boards.driver import CountdownMissed
from lava_dispatcher_multinode.console.expect import Dialogue
from lava_dispatcher_multinode.deadline import Deadline
from lava_dispatcher_multinode.errors import BootError
from lava_dispatcher_multinode.lab.device_sections import Boot

MODULES = Path("/usr/lib/grub/i386-pc")
QEMU = (
    "stty raw -echo; exec qemu-system-x86_64 -display none -monitor none -nodefaults -no-reboot "
    "-chardev stdio,id=s0,signal=off -serial chardev:s0 -m 128 -kernel {image}"
)
SERIAL = "serial --unit=0 --speed=115200\nterminal_input serial\nterminal_output serial\n"
ENTRIES = (
    "menuentry first { echo [ 0.000000] Linux version first; sleep 9; }\n"
    "menuentry second { linux (hd9)/vmlinuz; }\n"
)


def real(test):
    """Mark a test that runs a real GRUB."""
    return pytest.mark.slow(pytest.mark.needs("qemu-system-x86_64", "grub-pc-bin")(test))


def image(directory, configuration, *files):
    """Return an image of GRUB that QEMU loads as a Linux kernel."""
    (directory / "grub.cfg").write_text(configuration)
    core = directory / "core.img"
    modules = "serial terminal normal echo sleep ls cat linux linux16 reboot halt"
    subprocess.run(
        [
            *("grub-mkstandalone", "-O", "i386-pc", "-o", core, f"--install-modules={modules}"),
            *("--fonts=", "--locales=", "--themes=", *files),
            f"boot/grub/grub.cfg={directory / 'grub.cfg'}",
        ],
        check=True,
        capture_output=True,
    )
    made = directory / "grub.lnx"
    made.write_bytes((MODULES / "lnxboot.img").read_bytes() + core.read_bytes())
    return made


@pytest.fixture(scope="session")
def kernel(tmp_path_factory):
    """Return what stands for a kernel, since GRUB loads it as one: another GRUB."""
    text = f"{SERIAL}echo Linux version 0 of a GRUB\nsleep 60\n"
    return image(tmp_path_factory.mktemp("kernel"), text)


@pytest.fixture
def grub(console_of, tmp_path, kernel):
    """Return a function that starts GRUB with a configuration."""

    def make(configuration, **boot):
        made = image(tmp_path, configuration, f"boot/kernel={kernel}")
        dialogue = Dialogue(console_of(QEMU.format(image=made)))
        return GrubLoader(dialogue, Boot(**boot), Deadline(60, "test"))

    return make


def test_the_rescue_prompt_ends_the_attempt(console_of):
    """GRUB without its files waits forever: the error says what to check, at once."""
    rescue = "error: no such partition.\\r\\nEntering rescue mode...\\r\\ngrub rescue> "
    dialogue = Dialogue(console_of(f"printf '{rescue}'; sleep 9"))
    with pytest.raises(BootError, match=r"rescue prompt(?s:.*)error: no such partition"):
        GrubLoader(dialogue, Boot(), Deadline(30, "test")).interrupt()


def test_a_menu_on_another_terminal_is_named(console_of):
    """Without a menu, the error names GRUB's settings of its terminals."""
    boot = Boot(autoboot_timeout=0.3)
    loader = GrubLoader(Dialogue(console_of("sleep 9")), boot, Deadline(30, "test"))
    with pytest.raises(BootError, match=r"boot.autoboot_timeout.*terminal_input"):
        loader.interrupt()


def test_network_boots_are_refused():
    """Nothing is deployed over the network by this dialogue."""
    with pytest.raises(BootError, match="'bootloader: grub'"):
        GrubLoader.network_commands(None)


@pytest.mark.parametrize(("command", "seconds"), [("initrd /i", 120.0), ("echo initrd", 30.0)])
def test_loads_have_more_time(command, seconds):
    """The first word of a command decides."""
    assert GrubLoader.seconds_for(command) == seconds


@real
def test_from_the_menu_to_a_kernel(grub):
    """The menu is stopped; commands run, long lines too; errors are quoted; the kernel starts."""
    loader = grub(f"{SERIAL}set timeout=5\n{ENTRIES}")
    loader.interrupt()
    loader.run("echo " + "abcdefgh " * 20)
    loader.run("set root=memdisk")
    with pytest.raises(BootError, match=r"GRUB: 'frobnicate' failed: error: can't find command"):
        loader.run("frobnicate")
    with pytest.raises(BootError, match=r"'linux /boot/nothing' failed: error: file `/boot/noth"):
        loader.run("linux /boot/nothing")
    with pytest.raises(BootError, match=r"'boot' failed: error: you need to load the kernel"):
        loader.start("boot")
    loader.run("linux16 /boot/kernel console=ttyS0")
    assert loader.start("boot") is True


@real
def test_a_kernel_without_its_ramdisk_is_not_taken(grub):
    """In a list of commands, GRUB goes on after a load that failed."""
    loader = grub(f"{SERIAL}set timeout=5\n{ENTRIES}")
    loader.interrupt()
    line = "linux16 (memdisk)/boot/kernel; initrd16 /nothing; boot"
    with pytest.raises(BootError, match=r"GRUB: '.*' failed: error: file `/nothing' not found"):
        loader.start(line)


@real
def test_a_real_rescue_prompt_ends_the_attempt(console_of, tmp_path):
    """GRUB that does not find its files quotes the reason."""
    early = tmp_path / "early.cfg"
    early.write_text(SERIAL)
    core = tmp_path / "core.img"
    subprocess.run(
        ["grub-mkimage", "-O", "i386-pc", "-o", core, "-p", "(hd9,msdos1)/boot/grub", "-c", early,
         "biosdisk", "part_msdos", "serial", "terminal"],
        check=True, capture_output=True,
    )  # fmt: skip
    made = tmp_path / "grub.lnx"
    made.write_bytes((MODULES / "lnxboot.img").read_bytes() + core.read_bytes())
    dialogue = Dialogue(console_of(QEMU.format(image=made)))
    with pytest.raises(BootError, match=r"rescue prompt(?s:.*)grub rescue>"):
        GrubLoader(dialogue, Boot(), Deadline(60, "test")).interrupt()


@real
def test_a_hidden_menu_is_shown_at_the_second_attempt(grub):
    """A kernel that starts first is named; with keys from the banner on, GRUB is stopped."""
    hidden = f"{SERIAL}set timeout_style=hidden\nset timeout=2\n{ENTRIES}"
    loader = grub(hidden, kernel_start="Linux version first")
    with pytest.raises(CountdownMissed, match="make GRUB show its menu"):
        loader.interrupt()
    loader = grub(hidden)
    loader.interrupt(spam=True)
    loader.run("echo there")
