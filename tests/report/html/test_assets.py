"""The page's style and script: small, readable, and no way in which text becomes code."""

import re
import subprocess
from importlib.resources import files

import pytest

from lava_dispatcher_multinode.report.html import page

ASSETS = sorted((files(page.__package__) / "assets").iterdir(), key=lambda file: file.name)
SCRIPTS = [file for file in ASSETS if file.name.endswith(".js")]


def test_every_file_is_part_of_the_page():
    """Every asset is used, and is in the package."""
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


@pytest.mark.needs("node")
def test_script_is_valid(tmp_path):
    """As one script, as the page has it."""
    (tmp_path / "page.js").write_text(page.script())
    subprocess.run(["node", "--check", "page.js"], cwd=tmp_path, check=True, timeout=60)


def test_script_cannot_end_its_element():
    """Nor the style."""
    assert "</" not in page.script()
    assert "</" not in page.style()


def _light(colour):
    parts = [int(digit * 2 if len(colour) == 4 else digit, 16) / 255 for digit in _digits(colour)]
    linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _digits(colour):
    size = 1 if len(colour) == 4 else 2
    return [colour[place : place + size] for place in range(1, len(colour), size)]


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_words_can_be_read(theme):
    """Contrast of 4.5 at least, of words on the page and on every colour; 3 of what is drawn."""
    colours = dict(re.findall(r"--(\w+): light-dark\(([^)]*)\)", page.style()))
    value = {name: pair.split(", ")[theme] for name, pair in colours.items()}

    def contrast(one, other):
        dark, bright = sorted((_light(value[one]), _light(value[other])))
        return (bright + 0.05) / (dark + 0.05)

    drawn = ("pass", "fail", "error", "skip", "wait")
    words = [(word, back) for word in ("text", "dim", "link") for back in ("back", "panel")]
    words += [("on", colour) for colour in drawn]
    assert min(contrast(*pair) for pair in words) >= 4.5
    assert min(contrast(colour, "back") for colour in (*drawn, "edge")) >= 3
