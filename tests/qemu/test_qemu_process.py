"""One QEMU process, and who it must not outlive."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from contextlib import suppress

from lava_dispatcher_multinode.qemu.qemu_process import Qemu

DISPATCHER = """
import sys
from pathlib import Path
from lava_dispatcher_multinode.qemu.qemu_process import Qemu
qemu = Qemu("p", ["-M", "none", "-nodefaults", "-display", "none"], (), Path(sys.argv[1]), print)
print(qemu._process.pid, flush=True)
sys.stdin.read()
"""


def test_qemu_does_not_outlive_a_dispatcher_that_is_killed(tmp_path, qemu):
    """Not even where nobody is left to clean up."""
    with subprocess.Popen(
        [sys.executable, "-c", DISPATCHER, tmp_path / "log"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as dispatcher:
        board = os.pidfd_open(int(dispatcher.stdout.readline()))
        dispatcher.kill()
    try:
        assert select.select([board], [], [], 30)[0]
    finally:
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(board, signal.SIGKILL)
        os.close(board)


def test_a_board_that_switches_itself_off_is_no_crash(tmp_path, qemu):
    """Only an end that nobody wanted has last words."""
    told = []
    words = ["-M", "none", "-nodefaults", "-display", "none"]
    machine = Qemu("p", words, (), tmp_path / "log", told.append)
    machine.kill()
    assert not told
