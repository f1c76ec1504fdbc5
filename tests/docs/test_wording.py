"""Documents, messages and docstrings follow the rules of CONTRIBUTING.md for English."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("docs", "man", "overlays", "lava_dispatcher_multinode")
SUFFIXES = {".1", ".css", ".html", ".js", ".json", ".md", ".py", ".yaml", ""}
PERSON = re.compile(
    r"(?<![\"\w])(?:who|whoever|nobody|somebody|anybody|everybody)(?!\w)", re.IGNORECASE
)
#: Files with a line that contains such a word, and the line's beginning.
ALLOWED = {
    # `who` is a program.
    "lava_dispatcher_multinode/simulator/confinement/chroot.py": "wc which who whoami ",
}


def files():
    """Return the files whose text a user or a reader of the code sees."""
    found = [path for name in FOLDERS for path in sorted((ROOT / name).rglob("*"))]
    return [*ROOT.glob("*.md"), *(path for path in found if path.suffix in SUFFIXES)]


def persons(text, allowed=None):
    """Return the lines with a word for people, by number; words in quotes do not count."""
    return [
        f"{number}: {line.strip()}"
        for number, line in enumerate(text.splitlines(), 1)
        if PERSON.search(line) and not (allowed and line.strip().startswith(allowed))
    ]


def test_components_are_not_people():
    """A component is "it"; a sentence about people has a noun for them, such as "user"."""
    found = []
    for path in files():
        if path.is_file() and "__pycache__" not in path.parts:
            name = str(path.relative_to(ROOT))
            found += [f"{name}:{line}" for line in persons(path.read_text(), ALLOWED.get(name))]
    assert found == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("the device that waits", []),
        ("who waits is told", ["1: who waits is told"]),
        ("a\n  # Nobody polls.", ["2: # Nobody polls."]),
        ('"Who" is for people', []),
        ("whoami, a whole", []),
    ],
)
def test_the_words_are_found(text, found):
    """The pattern matches whole words in any case."""
    assert persons(text) == found
