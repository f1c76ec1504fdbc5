"""The command with which a board fetches a URL."""

from __future__ import annotations

import pytest

from lava_dispatcher_multinode.boards.fetching import fetch_command
from lava_dispatcher_multinode.boards.shell import Shell
from lava_dispatcher_multinode.console.expect import Dialogue
from lava_dispatcher_multinode.deadline import Deadline
from lava_dispatcher_multinode.errors import DeployError


@pytest.fixture
def board(console_of, tmp_path):
    """Return a function: programs -> the shell of a board that has only these, and stty."""

    def make(*programs):
        for name in programs:
            (tmp_path / name).write_text("#!/bin/sh\n")
            (tmp_path / name).chmod(0o755)
        shell = Shell(
            Dialogue(console_of(f"stty sane; PATH={tmp_path} exec /bin/dash -i")),
            Deadline(60, "test"),
        )
        shell.prepare()
        return shell

    return make


@pytest.mark.parametrize(
    ("programs", "command"),
    [
        (("wget",), "env http_proxy= wget -q -O f http://h/x"),
        (("curl",), "curl -fsS --noproxy '*' -o f http://h/x"),
        (("curl", "wget"), "env http_proxy= wget -q -O f http://h/x"),
    ],
)
def test_the_first_program_that_the_board_has(board, programs, command):
    """A proxy is bypassed; curl fails on status 404."""
    assert fetch_command(board(*programs)).format(file="f", url="http://h/x") == command


def test_a_board_without_either_is_an_error(board):
    """The error names both programs."""
    with pytest.raises(DeployError, match="^the board has neither wget nor curl$"):
        fetch_command(board())
