"""Text names components by their terms, not by words for persons, and avoids bare passives."""

from __future__ import annotations

import io
import re
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TYPES = {"", ".1", ".css", ".js", ".json", ".md", ".py", ".sh", ".yaml"}
PLACES = (
    *("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "bench", "docs", "examples", "findings"),
    *("lava_dispatcher_multinode", "man", "overlays", "tests"),
)
WORDS = re.compile(
    r"\b(?:who(?:m|ever)?|(?:any|every|no|some)body"
    r"|(?:is|are|be|been|was|were)(?: not| then)? (?:told|said|gone))\b",
    re.IGNORECASE,
)
#: Text in which these words are right.
ALLOWED = re.compile(
    r"\b(?:users?|people) who\b"  # persons
    r"|\bwho whoami\b"  # programs
    r"|[`\"]nobody[`\"]"  # the Unix user
    r"|not \"[^\"]*\""  # a bad example
    r"|\"[Ww]ho\""  # quoted: in the rule, a name
)


def text_of(path):
    """Return the text of a file, of a Python file only its comments and strings."""
    text = path.read_text()
    if path.suffix != ".py":
        return text
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return "\n".join(t.string for t in tokens if t.type in {tokenize.COMMENT, tokenize.STRING})


def lines_with_words(text):
    """Return the lines of `text` with one of `WORDS`."""
    return [line for line in text.splitlines() if WORDS.search(ALLOWED.sub("", line))]


@pytest.mark.parametrize("place", PLACES)
def test_components_are_not_persons(place):
    """No text has such a word for a component; CONTRIBUTING.md has the rule."""
    root = ROOT / place
    paths = [root] if root.is_file() else [path for path in root.rglob("*") if path.is_file()]
    found = {
        str(path.relative_to(ROOT)): lines
        for path in paths
        if path.suffix in TYPES and "__pycache__" not in path.parts and path != Path(__file__)
        if (lines := lines_with_words(text_of(path)))
    }
    assert found == {}


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("whom it waits for", True),
        ("# Nobody polls.", True),
        ("the peer is told", True),
        ("a user who waits", False),
        ("run whoami", False),
        ('"Who" is for people', False),
    ],
)
def test_the_words_are_found(line, found):
    """Whole words are found in any case, unless they mean persons or are quoted."""
    assert bool(lines_with_words(line)) is found
