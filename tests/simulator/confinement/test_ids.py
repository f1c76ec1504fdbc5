"""Mapping the IDs of boards to IDs of the host."""

import io
import os

import pytest

from lava_dispatcher_multinode.simulator.confinement import ids


def test_ids_of_an_ordinary_user(monkeypatch):
    """An ordinary user can only map its own ID."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(os, "getegid", lambda: 100)
    assert ids.choose_range("uid") == (1000, 1)
    assert ids.choose_range("gid") == (100, 1)


@pytest.mark.parametrize(
    ("table", "wanted"),
    [
        ("0 0 4294967295\n", (2147483647, 65536)),
        ("0 100000 65536\n", (65534, 1)),
        ("0 1000 1\n", (0, 1)),
    ],
)
def test_ids_of_root(monkeypatch, table, wanted):
    """Root maps IDs that are unused on the host, as far as it has any."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "getegid", lambda: 0)
    monkeypatch.setattr("builtins.open", lambda *_args, **_more: io.StringIO(table))
    assert ids.choose_range("uid") == wanted
