"""Fixtures of the tests of a run."""

from __future__ import annotations

import pytest


@pytest.fixture
def lab(tmp_path, monkeypatch):
    """Return the directory of a lab with a panda of our own and a juno under LAVA."""
    monkeypatch.setenv("LAVA_LOCK_DIR", str(tmp_path / "locks"))
    devices = tmp_path / "lab" / "devices"
    devices.mkdir(parents=True)
    (devices / "bench.yaml").write_text("{device_type: panda, connection: {command: cat}}")
    (devices / "juno.yaml").write_text(
        "{device_type: juno-r2, host: lava, lava: {device: juno.dict}}"
    )
    return tmp_path / "lab"
