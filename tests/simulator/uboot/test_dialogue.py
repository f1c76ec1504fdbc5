"""U-Boot's console: editing, repetition, limits."""

import pytest

from lava_dispatcher_multinode.simulator.fault_injection import Reset
from lava_dispatcher_multinode.simulator.uboot.dialogue import LINE_LIMIT

PROMPT = "Panda # "


def test_echo_and_answer(u_boot):
    """What is typed is echoed; the answer follows; then the prompt."""
    assert u_boot("echo hello") == f"echo hello\nhello\n{PROMPT}"


def test_unknown_command(u_boot):
    """A command that there is not is named."""
    assert "Unknown command 'frobnicate' - try 'help'" in u_boot("frobnicate 1 2")


def test_empty_line_repeats(u_boot):
    """An empty line runs the last command again: a driver must not send CR LF."""
    assert u_boot("echo once", "").count("\nonce\n") == 2


def test_backspace(u_boot):
    """Backspace takes the last character back, on the screen too."""
    assert "\nhello\n" in u_boot("echo helx\blo")
    assert "\b \b" in u_boot("echo helx\x7flo")


def test_line_can_be_killed(u_boot):
    """Ctrl-U takes the whole line back."""
    assert "\ngood\n" in u_boot("echo bad\x15echo good")


def test_interrupt(u_boot):
    """Ctrl-C drops the line."""
    assert u_boot("echo no\x03echo yes") == f"echo no<INTERRUPT>\n{PROMPT}echo yes\nyes\n{PROMPT}"


def test_line_limit(u_boot):
    """What is longer than CONFIG_SYS_CBSIZE is echoed, but lost."""
    text = "x" * LINE_LIMIT
    answer = u_boot(f"echo {text}").splitlines()
    assert answer[0] == f"echo {text}"
    assert answer[1] == "x" * (LINE_LIMIT - 1 - len("echo "))


def test_variables(u_boot):
    """Variables are set, used, split, and gone when set to nothing."""
    assert "\n<1 2>\n" in u_boot("setenv a '1 2'", 'echo "<${a}>"')
    assert '"a" not defined' in u_boot("setenv a 1", "setenv a", "printenv a")
    assert "\n7\n" in u_boot("local=7", "echo ${local}")


def test_status(u_boot):
    """$? && and || follow the last command's status."""
    assert "\n1\n" in u_boot("false; echo $?")
    assert "\nyes\n" in u_boot("false && echo no || echo yes")


def test_open_quote(u_boot):
    """A quote that is not closed is an error, and U-Boot goes on."""
    assert "syntax error\n" in u_boot("echo 'a")


def test_nesting_is_bounded(u_boot):
    """A variable that runs itself ends with a word, not with this process."""
    assert "too many nested" in u_boot("setenv loop 'run loop'", "run loop")


@pytest.mark.parametrize("command", ["bootm 0x10", "bootz 0xc0000000"])
def test_data_abort(u_boot, command):
    """An access outside of memory resets the board."""
    with pytest.raises(Reset):
        u_boot(command)
    assert "data abort" in u_boot.board.wire.output
    assert "Resetting CPU ..." in u_boot.board.wire.output
