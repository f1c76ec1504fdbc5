"""The table of device types in the reference, from the head comments of their files.

`python -m lava_dispatcher_multinode.lab.type_page docs/reference/device-types.md` rewrites it.
"""

from __future__ import annotations

import sys
from itertools import takewhile
from pathlib import Path

from .. import device_types

START, END = "<!-- types -->\n", "<!-- end -->\n"


def table() -> str:
    """Return the table, one row for each type of this package."""
    rows = ["| type | also | board |", "|---|---|---|"]
    for file in sorted(device_types.DIRECTORY.glob("*.yaml")):
        head = takewhile(lambda line: line.startswith("#"), file.read_text("utf-8").splitlines())
        text = " ".join(line.removeprefix("#").strip() for line in head)
        aliases = device_types.defaults(file.stem).get("aliases", ())
        rows.append(f"| `{file.stem}` | {', '.join(f'`{name}`' for name in aliases)} | {text} |")
    return "\n".join(rows) + "\n"


def with_table(page: str) -> str:
    """Return the text of the page with the current table."""
    before, _, rest = page.partition(START)
    return f"{before}{START}\n{table()}\n{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    page = Path(sys.argv[1])
    page.write_text(with_table(page.read_text("utf-8")), "utf-8")
