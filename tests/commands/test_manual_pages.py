"""The manual pages."""

from __future__ import annotations

import argparse
import configparser
import subprocess
from pathlib import Path

import pytest

from lava_dispatcher_multinode.commands import lava_multinode, manual_pages

from ..needs import require

ROOT = Path(__file__).parents[2]
PAGES = manual_pages.pages()


@pytest.mark.parametrize("name", PAGES)
def test_the_stored_pages_match_the_parsers(name):
    """`python -m lava_dispatcher_multinode.commands.manual_pages` updates them."""
    assert (ROOT / "man" / name).read_text() == PAGES[name]


def test_every_page_is_installed():
    """setup.cfg installs every page in man's directory."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    installed = setup["options.data_files"]["share/man/man1"].split()
    assert installed == [f"man/{name}" for name in PAGES]


@pytest.mark.parametrize("name", PAGES)
def test_mandoc_finds_no_fault(name, tmp_path):
    """The missing date is intended: a regenerated page must not change."""
    require("mandoc")
    (tmp_path / name).write_text(PAGES[name])
    words = ["mandoc", "-T", "lint", "-W", "warning", name]
    done = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path)
    faults = (done.stdout + done.stderr).splitlines()
    assert [fault for fault in faults if "missing date" not in fault] == []


def test_the_rendered_page(tmp_path):
    """It has every verb with options and examples."""
    require("mandoc")
    (tmp_path / "page").write_text(PAGES["lava-multinode.1"])
    words = ["mandoc", "-T", "ascii", "-O", "width=200", tmp_path / "page"]
    done = subprocess.run(words, capture_output=True, text=True)
    lines = [line.strip() for line in _plain(done.stdout).splitlines()]
    assert set(lava_multinode.VERBS) <= set(lines)
    assert "lava-multinode boards --config-dir ./lab --json" in lines
    assert "lava-multinode power [--config-dir DIR] [--json] BOARD {on,off,cycle}" in lines


def _plain(text):
    """Remove bold and underline, which mandoc encodes with backspaces."""
    plain = []
    for character in text:
        if character == "\b":
            plain.pop()
        else:
            plain.append(character)
    return "".join(plain)


def test_text_is_escaped(monkeypatch):
    """Dots, quotes, dashes and backslashes are printed literally."""
    monkeypatch.setitem(manual_pages.PAGES, "x", ("x", "y"))
    parser = argparse.ArgumentParser("x", description=".so /etc/passwd")
    parser.add_argument("--path", help=r"'C:\new' 100%%, %(default)s", default="a-b")
    group = parser.add_mutually_exclusive_group(required=True)
    group.add_argument("--on", action="store_true")
    group.add_argument("--off", action="store_true")
    text = manual_pages.page(parser)
    assert "\\&.so /etc/passwd" in text
    assert "\\&'C:\\enew' 100%, a\\-b" in text
    assert "(\\-\\-on | \\-\\-off)\n" in text
