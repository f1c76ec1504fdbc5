"""Which of the host's users a board's users are."""

import io
import os

import pytest

from lava_dispatcher_multinode.simulator.confinement import ids


def test_ids_of_an_ordinary_user(monkeypatch):
    """An ordinary user gives the only id there is to give."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(os, "getegid", lambda: 100)
    assert ids.mapping("uid") == (1000, 1)
    assert ids.mapping("gid") == (100, 1)


@pytest.mark.parametrize(
    ("table", "wanted"),
    [
        ("0 0 4294967295\n", (2147483647, 65536)),
        ("0 100000 65536\n", (65534, 1)),
        ("0 1000 1\n", (0, 1)),
    ],
)
def test_ids_of_root(monkeypatch, table, wanted):
    """Root gives ids that mean nothing outside, as far as it has any."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "getegid", lambda: 0)
    monkeypatch.setattr("builtins.open", lambda *_args, **_more: io.StringIO(table))
    assert ids.mapping("uid") == wanted
