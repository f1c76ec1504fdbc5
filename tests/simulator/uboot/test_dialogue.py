"""The console of U-Boot: editing, repetition, limits."""

import pytest

from lava_dispatcher_multinode.simulator.faults import Reset
from lava_dispatcher_multinode.simulator.uboot.dialogue import MAX_LINE_CHARS

PROMPT = "Panda # "


def test_echo_and_answer(u_boot):
    """Input is echoed; output and prompt follow."""
    assert u_boot("echo hello") == f"echo hello\nhello\n{PROMPT}"


def test_unknown_command(u_boot):
    """The error for an unknown command names it."""
    assert "Unknown command 'frobnicate' - try 'help'" in u_boot("frobnicate 1 2")


def test_empty_line_repeats(u_boot):
    """An empty line repeats the last command: a driver must not send CR LF."""
    assert u_boot("echo once", "").count("\nonce\n") == 2


def test_backspace(u_boot):
    """Backspace deletes the last character, on the screen too."""
    assert "\nhello\n" in u_boot("echo helx\blo")
    assert "\b \b" in u_boot("echo helx\x7flo")


def test_line_can_be_killed(u_boot):
    """Ctrl-U deletes the whole line."""
    assert "\ngood\n" in u_boot("echo bad\x15echo good")


def test_interrupt(u_boot):
    """Ctrl-C drops the line."""
    assert u_boot("echo no\x03echo yes") == f"echo no<INTERRUPT>\n{PROMPT}echo yes\nyes\n{PROMPT}"


def test_line_limit(u_boot):
    """Characters beyond CONFIG_SYS_CBSIZE are echoed, but lost."""
    text = "x" * MAX_LINE_CHARS
    answer = u_boot(f"echo {text}").splitlines()
    assert answer[0] == f"echo {text}"
    assert answer[1] == "x" * (MAX_LINE_CHARS - 1 - len("echo "))


def test_variables(u_boot):
    """Variables are set, expanded and split; setting to nothing removes them."""
    assert "\n<1 2>\n" in u_boot("setenv a '1 2'", 'echo "<${a}>"')
    assert '"a" not defined' in u_boot("setenv a 1", "setenv a", "printenv a")
    assert "\n7\n" in u_boot("local=7", "echo ${local}")


def test_status(u_boot):
    """$? && and || follow the last command's status."""
    assert "\n1\n" in u_boot("false; echo $?")
    assert "\nyes\n" in u_boot("false && echo no || echo yes")


def test_open_quote(u_boot):
    """An unclosed quote is an error, and U-Boot prompts again."""
    assert "syntax error\n" in u_boot("echo 'a")


def test_nesting_is_bounded(u_boot):
    """A variable that runs itself ends with an error, not with the process."""
    assert "too many nested" in u_boot("setenv loop 'run loop'", "run loop")


@pytest.mark.parametrize("command", ["bootm 0x10", "bootz 0xc0000000"])
def test_data_abort(u_boot, command):
    """An access outside the memory resets the board."""
    with pytest.raises(Reset):
        u_boot(command)
    assert "data abort" in u_boot.board.serial.output
    assert "Resetting CPU ..." in u_boot.board.serial.output
