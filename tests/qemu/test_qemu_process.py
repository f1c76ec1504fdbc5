"""The life of a QEMU process."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from contextlib import suppress

from lava_dispatcher_multinode.qemu.qemu_process import QemuProcess

DISPATCHER = """
import sys
from pathlib import Path
from lava_dispatcher_multinode.qemu.qemu_process import QemuProcess
words = ["-M", "none", "-nodefaults", "-display", "none"]
qemu = QemuProcess("p", "qemu-system-arm", words, (), Path(sys.argv[1]), print)
print(qemu._process.pid, flush=True)
sys.stdin.read()
"""


def test_qemu_ends_with_a_killed_dispatcher(tmp_path, qemu):
    """QEMU ends with the dispatcher, without a cleanup."""
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


def test_a_power_off_is_not_reported(tmp_path, qemu):
    """Only an unexpected exit is reported."""
    told = []
    words = ["-M", "none", "-nodefaults", "-display", "none"]
    machine = QemuProcess("p", "qemu-system-arm", words, (), tmp_path / "log", told.append)
    machine.kill()
    assert not told
