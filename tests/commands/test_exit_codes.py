"""Exit codes and messages for exceptions."""

from __future__ import annotations

import subprocess
import sys

import pytest

from lava_dispatcher_multinode import errors
from lava_dispatcher_multinode.commands.exit_codes import run_guarded
from lava_dispatcher_multinode.errors import ExitCode, InvalidJob, Problem


def _raise(error):
    def command():
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.ConsoleError("x"), 3),
        (errors.BoardsUnavailable("x"), 4),
        (errors.TestError("x"), 1),
        (KeyboardInterrupt(), 130),
    ],
)
def test_failures_have_their_codes(capsys, error, code):
    """The class of the exception decides; the message is one line."""
    assert run_guarded("prog", _raise(error)) == code
    assert capsys.readouterr().err.startswith("prog: ")


def test_problems_are_printed_as_editors_want_them(capsys):
    """Problems begin with file and line, not with the program's name."""
    assert run_guarded("prog", _raise(InvalidJob([Problem("a.json", 1, 2, "no")]))) == 2
    assert capsys.readouterr().err == "a.json:1:2: no\n"


def test_a_bug_leaves_a_log_ready_to_paste(capsys, tmp_path, monkeypatch):
    """Exit code 70; the traceback is in a file."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert run_guarded("prog", _raise(ZeroDivisionError("oops"))) == 70
    said = capsys.readouterr().err
    assert "bug: ZeroDivisionError: oops" in said
    (log,) = tmp_path.iterdir()
    assert str(log) in said
    assert "Traceback" in log.read_text()
    assert "Traceback" not in said


def test_success_passes_through():
    """The code of the command is the exit code."""
    assert run_guarded("prog", lambda: ExitCode.NOTHING_RAN) == 5


def test_a_closed_terminal_changes_no_exit_code():
    """The message is lost; the exit code is kept."""
    program = (
        "import os, pty, sys\n"
        "from lava_dispatcher_multinode.commands.exit_codes import run_guarded\n"
        "from lava_dispatcher_multinode.errors import ConsoleError\n"
        "master, slave = pty.openpty()\n"
        "for number in (1, 2): os.dup2(slave, number)\n"
        "os.close(slave)\n"
        "def command():\n"
        "    os.close(master)\n"
        "    sys.stdout.write('results')\n"
        "    raise ConsoleError('gone')\n"
        "sys.exit(run_guarded('prog', command))\n"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 3
