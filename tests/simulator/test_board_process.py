"""Boards with injected faults, seen at their consoles."""

import re
import time

import pytest

pytestmark = pytest.mark.slow


def test_panic_of_the_kernel(operator):
    """A kernel panic is printed, and no output follows."""
    board = operator(panic="kernel")
    board.start_kernel()
    board.expect("Kernel panic - not syncing: ")
    board.expect("(panic+")
    board.board.power_off()
    board.loader()


@pytest.mark.parametrize("point", ["login", "shell"])
def test_panic_at_a_point(operator, point):
    """A panic at the login follows its prompt; one at the shell follows the login."""
    board = operator(panic=point)
    board.start_kernel()
    board.expect("login: ")
    if point == "shell":
        board.line("root")
    board.expect("Kernel panic - not syncing: ")


def test_panic_of_the_boot_loader(operator):
    """A crash of U-Boot prints its request for a reset."""
    board = operator(panic="uboot")
    board.board.power_on()
    board.expect("### ERROR ### Please RESET the board ###")


def test_hang(operator):
    """A hanging board prints and echoes nothing until its power is switched."""
    board = operator(hang="shell", times=1)
    board.start_kernel()
    board.expect("login: ")
    board.line("root")
    board.expect("armv7l)\r\n\r\n")
    board.type("x\r")
    assert board.silent(0.2)
    board.board.power_off()
    board.boot()


def test_panic_after_seconds(operator):
    """The kernel panics some time after the shell started, without input."""
    board = operator(panic=0.3).boot()
    start = time.monotonic()
    board.expect("Kernel panic - not syncing: ")
    assert 0.1 < time.monotonic() - start < 10


def test_reboot_at_a_text(operator):
    """A board resets right after it has printed the trigger text."""
    board = operator(reboot={"text": "now 42"}, times=1).boot()
    board.line("echo now $((6*7)) and then")
    board.expect("now 42")
    board.expect("U-Boot SPL")
    assert "and then" not in board.before


def test_reboot_while_booting_only_once(operator):
    """With `times: 1`, the second boot succeeds."""
    board = operator(reboot="kernel", times=1)
    board.start_kernel()
    board.expect("Linux version")
    board.expect("U-Boot SPL")
    board.board.power_off()
    board.boot()
    assert board.run("true") == ("", 0)


def test_dead_power(operator):
    """A board whose power-on has no effect prints nothing."""
    board = operator(power="dead")
    board.board.power_on()
    board.type("\r")
    assert board.silent(0.2)


def test_stuck_power(operator):
    """A board whose power-off has no effect runs on."""
    board = operator(power="stuck").boot()
    board.board.power_off()
    assert not board.board.known_off
    assert board.run("echo still here") == ("still here\n", 0)


def test_no_autoboot(operator):
    """A board without autoboot prompts without a countdown."""
    board = operator(no_autoboot=True)
    board.board.power_on()
    board.expect("Panda # ")
    assert "Hit any key" not in board.before


def test_autologin(operator):
    """A board can have a shell on its console without a login."""
    board = operator(autologin=True)
    board.start_kernel()
    board.expect("~# ")
    assert "login:" not in board.before
    assert board.run("id -u") == ("0\n", 0)


def test_slow_line(operator):
    """At 115200 baud, 4 kB take a third of a second, as on a real line."""
    board = operator(slow=115200, autologin=True)
    board.start_kernel()
    board.expect("~# ")
    start = time.monotonic()
    board.run("printf %4000s x")
    assert 4000 / 11520 * 0.9 < time.monotonic() - start < 10


def test_boot_delay(operator):
    """`boot_delay` delays the kernel."""
    board = operator(boot_delay=0.4)
    board.start_kernel()
    board.expect("Linux version")
    start = time.monotonic()
    board.expect("mmcblk0:")
    assert time.monotonic() - start > 0.3


def test_kernel_messages_in_between(operator):
    """Kernel messages interrupt the output of programs, which stays complete."""
    board = operator(printk=0.02, autologin=True)
    board.start_kernel()
    board.expect("~# ")
    board.line("seq 1 300; echo E''ND; echo E''ND; echo E''ND")
    board.expect("END\r\n")
    message = re.compile(r"\[ *\d+\.\d{6}\] [^\r\n]*\r\n")
    assert len(message.findall(board.before)) > 5
    lines = message.sub("", board.before).split("\r\n")
    assert [line for line in lines if line.isdecimal()] == [str(n) for n in range(1, 301)]


def test_kernel_messages_while_idle(operator):
    """`printk_every` prints kernel messages without other output."""
    board = operator(printk_every=0.1).boot()
    for _ in range(3):
        board.expect("] ")


def test_dropped_characters(operator):
    """A line with losses also loses output of programs."""
    board = operator(drop_output=0.01, autologin=True, countdown=0)
    board.board.card.unlink()
    board.deploy("image")
    board.board.power_on()
    board.expect("~# ")
    board.line("yes 0123456789 | head -1000; echo E''ND; echo E''ND; echo E''ND")
    board.expect("END")
    printed = board.before.partition("ND\r\n")[2]
    assert 9_500 < sum(map(str.isdecimal, printed)) < 9_980


def test_unread_output_does_not_block_the_power_switch(operator):
    """Output without a reader does not block the power switch."""
    board = operator().boot()
    board.line("yes")
    board.expect("y\r\ny\r\n")
    start = time.monotonic()
    board.board.power_off()
    assert time.monotonic() - start < 5
