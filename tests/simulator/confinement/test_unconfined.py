"""Boards without confinement, with harmless commands."""

from pathlib import Path

import pytest

from lava_dispatcher_multinode.simulator.simulated_lab import SimulatedLab


@pytest.fixture
def lab(tmp_path):
    """A lab without confinement."""
    with SimulatedLab(tmp_path, confinement="unconfined") as made:
        assert made.confinement == "unconfined"
        yield made


def test_home_and_root(lab, operator):
    """A board has a directory for home and temporary files, and its path in the environment."""
    board = operator(lab=lab).boot()
    root = Path(board.board.root)
    assert board.run("pwd") == (f"{root}/root\n", 0)
    assert board.run("echo $TMPDIR $LAVA_BOARD_ROOT") == (f"{root}/tmp {root}\n", 0)
    assert board.run("echo made > made") == ("", 0)
    assert (root / "root" / "made").read_text() == "made\n"


def test_processes_end_with_the_power(lab, operator):
    """Background processes end with the power."""
    board = operator(lab=lab).boot()
    output, _ = board.run("nohup sleep 54321 >/dev/null 2>&1 & echo pid $!")
    pid = int(output.split("pid ")[1].split()[0])
    board.board.power_off()
    assert not Path(f"/proc/{pid}").exists()


def test_reboot_restarts_the_board(lab, operator):
    """`reboot` restarts the board, not the host."""
    board = operator(lab=lab).boot()
    assert board.run("command -v reboot") == (f"{board.board.root}/bin/reboot\n", 0)
    board.line("reboot")
    board.expect("Restarting system.")
    board.expect("U-Boot SPL")
