"""The page's style and script: small, readable, and no way in which text becomes code."""

import re
import shutil
import subprocess
from importlib.resources import files

import pytest

from lava_dispatcher_multinode.report import page

ASSETS = sorted((files(page.__package__) / "assets").iterdir(), key=lambda file: file.name)
SCRIPTS = [file for file in ASSETS if file.name.endswith(".js")]


def test_every_file_is_part_of_the_page():
    """None is forgotten, and none is missing in the package."""
    assert {file.name for file in ASSETS} == {*page.SCRIPTS, *page.STYLES}


@pytest.mark.parametrize("file", ASSETS, ids=lambda file: file.name)
def test_files_are_small_and_plain(file):
    """At most 300 lines of at most 110 columns, ASCII, no tabs, nothing at line ends."""
    lines = file.read_text("ascii").splitlines()
    assert len(lines) <= 300
    assert all(len(line) <= 110 and line == line.rstrip() and "\t" not in line for line in lines)
    assert all((len(line) - len(line.lstrip())) % 2 == 0 for line in lines)


@pytest.mark.parametrize("file", SCRIPTS, ids=lambda file: file.name)
def test_text_never_becomes_markup_or_code(file):
    """No innerHTML and its like, no eval, no handlers in strings, nothing from elsewhere."""
    text = file.read_text("ascii").replace('"http://www.w3.org/2000/svg"', "")
    found = re.findall(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|"
        r"setTimeout\([\"'`]|https?:|\bvar\b|[^=!]==[^=]|!=[^=]|console\.log|debugger",
        text,
    )
    assert found == []


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_script_is_valid(tmp_path):
    """As one script, as the page has it."""
    (tmp_path / "page.js").write_text(page.script())
    subprocess.run(["node", "--check", "page.js"], cwd=tmp_path, check=True, timeout=60)


def test_script_cannot_end_its_element():
    """Nor the style."""
    assert "</" not in page.script()
    assert "</" not in page.style()
