"""A whole run on two Cubieboards of QEMU, with the U-Boot that Debian ships for them.

bench/real_boards.py does the same with a Raspberry Pi 2, whose emulation is slower.
"""

from __future__ import annotations

import json
import subprocess

import pytest

from ..needs import require, skipped_without
from .soc_boards import job, make_cubieboard, make_image

RUN_TIMEOUT_S = 600  # on a busy host

pytestmark = [pytest.mark.slow, pytest.mark.timeout(RUN_TIMEOUT_S + 300)]


@pytest.fixture
def boards(tmp_path):
    """Return the boards; end their QEMU processes afterwards."""
    require("qemu-system-arm", "socat")
    with skipped_without("Debian's archive"):
        boards = {name: make_cubieboard(tmp_path / name) for name in ("cubie01", "cubie02")}
        make_image(tmp_path / "image.img")
    yield boards
    for board in boards.values():
        subprocess.run(["sh", "-c", board.power_off], check=True)


def test_cubieboards(boards, dispatch, tmp_path):
    """A console command, a power switch and the type's defaults suffice for real firmware."""
    devices = tmp_path / "lab" / "devices"
    devices.mkdir(parents=True)
    for name, board in boards.items():
        (devices / f"{name}.yaml").write_text(board.device_file())
    path = tmp_path / "job.json"
    path.write_text(json.dumps(job(tmp_path / "image.img", boards)))
    run = dispatch("--config-dir", tmp_path / "lab", path, limit=RUN_TIMEOUT_S)
    assert run.code == 0, run.err
    order = (b"U-Boot 20", b"run bootcmd", b"Linux version ", b"Machine model: Cubietech Cubie")
    for name, board in boards.items():
        assert run.cases(name) == {"card": "pass", "multinode-sync-both": "pass"}
        console = run.console(name)
        places = [console.index(text) for text in order]
        assert places == sorted(places)
        assert not board.process.exists()  # the power is off at the end
