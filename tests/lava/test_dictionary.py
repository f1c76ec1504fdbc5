"""LAVA device dictionaries, valid and invalid."""

from __future__ import annotations

from pathlib import Path

import pytest

from lava_dispatcher_multinode.errors import InvalidJob
from lava_dispatcher_multinode.lab.device_model import Device
from lava_dispatcher_multinode.lab.device_sections import Lava
from lava_dispatcher_multinode.lava.dictionary import commands, load_dictionary, methods


@pytest.fixture
def load(tmp_path):
    """A function that loads a dictionary from a text."""

    def run(text):
        path = tmp_path / "d.dict"
        path.write_text(text)
        return load_dictionary(Device("board7", "x", host="lava", lava=Lava(device=path)))

    return run


def test_a_dictionary(load):
    """LAVA gives its tests the name of the device file."""
    found = load("hostname: other\nactions: {boot: {methods: {u-boot: }}, deploy: }\n")
    assert found["hostname"] == "board7"
    assert list(methods(found, "boot")) == ["u-boot"]
    assert methods(found, "deploy") == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{% extends 'qemu.jinja2' %}\n", "rendered YAML"),
        ("a: [", "line"),
        ("hello", "it has no 'actions'"),
        ("actions: 1", "it has no 'actions'"),
    ],
)
def test_what_is_no_dictionary(load, text, said):
    """Above all a template: lava-run needs the dictionary that the server renders."""
    with pytest.raises(InvalidJob, match=said):
        load(text)


def test_a_dictionary_that_is_not_there():
    """The message has the path."""
    device = Device("b", "x", host="lava", lava=Lava(device=Path("/nonexistent/b.dict")))
    with pytest.raises(InvalidJob, match=r"/nonexistent/b\.dict: cannot read it"):
        load_dictionary(device)


@pytest.mark.parametrize(
    ("section", "lines"),
    [
        ({"power_off": "a b"}, ["a b"]), ({"power_off": ["a", "b"]}, ["a", "b"]), ({}, []),
        ({"power_off": ""}, []), (None, []), (["power_off"], []),
    ],
)  # fmt: skip
def test_commands_of_a_dictionary(section, lines):
    """One or several, as LAVA accepts them; other values count as none."""
    assert commands({"commands": section}, "power_off") == lines
