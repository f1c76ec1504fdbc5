"""The board's shell: exit codes and output over a terminal."""

from __future__ import annotations

import pytest

from lava_dispatcher_multinode.boards import shell as shell_module
from lava_dispatcher_multinode.boards.shell import Shell
from lava_dispatcher_multinode.console.expect import Dialogue
from lava_dispatcher_multinode.deadline import Deadline
from lava_dispatcher_multinode.errors import BootError


def test_commands_have_exit_code_and_output(shell):
    """Prompt and echo are not part of the output."""
    assert shell.run("echo one; echo two; (exit 3)") == (3, "one\ntwo")
    assert shell.run("true") == (0, "")


def test_a_command_that_does_not_end_is_an_error(shell):
    """The error has the command."""
    with pytest.raises(BootError, match="'sleep 30' on the board has not ended within"):
        shell.run("sleep 30", timeout=0.2)


def test_a_terminal_that_is_no_shell_is_an_error(console_of, monkeypatch):
    """A console without an answer is an error."""
    monkeypatch.setattr(shell_module, "ANSWER_TIMEOUT_S", 0.05)
    console = console_of("exec cat > /dev/null")
    with pytest.raises(BootError, match="the shell does not answer"):
        Shell(Dialogue(console), Deadline(60, "test")).prepare()
