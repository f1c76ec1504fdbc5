"""lava-multinode show."""

from __future__ import annotations

import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from lava_dispatcher_multinode.commands.lava_multinode import main
from lava_dispatcher_multinode.commands.show import as_yaml
from lava_dispatcher_multinode.lab.layers import PACKAGE_DEFAULTS, Layers
from lava_dispatcher_multinode.lab.origins import Value

SECRETS = (
    "device_type: rock5\nconnection: {serial: 'rfc2217://h:4001'}\n"
    "login: {password: sesame}\npower: {pdudaemon: {url: 'http://u:hunter2@h:1/', alias: b}}\n"
)


@pytest.fixture
def lab(tmp_path):
    """Return a directory with one board."""
    (tmp_path / "devices").mkdir()
    (tmp_path / "devices/b1.yaml").write_text(SECRETS)
    return tmp_path


def test_the_output_is_a_device_file_without_secrets(lab, capsys):
    """It describes the same device, but for passwords; each value has its file and line."""
    assert main(["show", "b1", "--config-dir", str(lab)]) == 0
    out = capsys.readouterr().out
    assert f"# {lab}/devices/b1.yaml:2" in out
    assert "sesame" not in out
    assert "hunter2" not in out
    before = Layers([PACKAGE_DEFAULTS, lab]).device("b1")
    (lab / "devices/b1.yaml").write_text(out)
    after = Layers([PACKAGE_DEFAULTS, lab]).device("b1")
    assert (after.boot, after.connection, after.deploy) == (
        before.boot,
        before.connection,
        before.deploy,
    )
    assert after.power.pdudaemon.alias == "b"


def test_json(lab, capsys):
    """--json prints the key, the value, the file and the line of each value."""
    assert main(["show", "b1", "--json", "--config-dir", str(lab)]) == 0
    rows = {row["key"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["login.password"]["value"] == "(not shown)"
    assert rows["login.user"] == {
        "key": "login.user",
        "value": "root",
        "origin": "default",
        "line": None,
    }
    assert (rows["power.pdudaemon.alias"]["value"], rows["power.pdudaemon.alias"]["line"]) == (
        "b",
        4,
    )


def test_an_unknown_board_is_named_with_the_nearest(lab, capsys):
    """Exit code 2, and the name that was probably meant."""
    assert main(["show", "b11", "--config-dir", str(lab)]) == 2
    assert "b11: no board has this name (did you mean 'b1'?)" in capsys.readouterr().err


@given(st.text(max_size=40), st.lists(st.text(max_size=9), max_size=3))
def test_any_text_is_read_back(text, several):
    """Quotes, line ends, colons and comment signs keep their meaning."""
    shown = "\n".join(as_yaml([Value(("a", "b"), text), Value(("c",), several)]))
    assert yaml.safe_load(shown) == {"a": {"b": text}, "c": several}
