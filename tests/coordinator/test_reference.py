"""docs/reference/coordinator.md cites existing tests."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "reference" / "coordinator.md"


def test_every_row_of_the_table_is_a_test():
    """Each row about hostile or unlucky input names an existing test."""
    section = DOCUMENT.read_text("utf-8").partition("## Hostile or unlucky input")[2]
    rows = [line for line in section.partition("\n## ")[0].splitlines() if line.startswith("| ")]
    assert len(rows) > 20
    folders = (ROOT / "tests" / "coordinator", ROOT / "tests" / "multinode")
    files = [path for folder in folders for path in folder.glob("test_*.py")]
    files.append(ROOT / "tests" / "commands" / "test_coordinator.py")
    tests = set(
        re.findall(r"^def (test_\w+)\(", "\n".join(f.read_text() for f in files), re.MULTILINE)
    )
    for row in rows[1:]:
        assert row.rsplit("|", 2)[1].strip().strip("`") in tests, row
