"""Ctrl-C while Python is still importing."""

import subprocess
import sys

import pytest

from lava_dispatcher_multinode.errors import ExitCode

PROGRAM = """
import sys
class Slow:
    def find_spec(self, name, path=None, target=None):
        if name == "argparse" or name.endswith({1!r}):
            raise KeyboardInterrupt
sys.modules.pop("argparse", None)
sys.meta_path.insert(0, Slow())
from lava_dispatcher_multinode.commands import start
sys.exit(start.{0}())
"""


@pytest.mark.parametrize("command", ["dispatch", "multinode"])
@pytest.mark.parametrize("module", ["argparse", "commands.errors", "commands.web"])
def test_an_interrupted_import_is_no_traceback(command, module):
    """The output is one line, the exit code 130."""
    words = [sys.executable, "-c", PROGRAM.format(command, module), "--help"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert done.returncode == ExitCode.INTERRUPTED
    assert done.stderr == f"lava-{command}: interrupted\n"
