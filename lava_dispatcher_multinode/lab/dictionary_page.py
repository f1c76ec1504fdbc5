"""Writes the tables of docs/reference/lava-device-dictionaries.md from `dictionary_keys`.

python -m lava_dispatcher_multinode.lab.dictionary_page docs/reference/lava-device-dictionaries.md
"""

from __future__ import annotations

import sys
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from .dictionary_keys import KEYS, METHOD_KEYS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .dictionary_keys import DictionaryKey

_HEAD = "| key | | meaning, or reason |\n|---|---|---|\n"


def with_key_tables(page: str) -> str:
    """Return `page` with the two tables of keys; raise `ValueError` if it has not two."""
    texts = page.split(_HEAD)
    if len(texts) != 3:
        raise ValueError("the page has not two tables of keys")
    parts = [texts[0]]
    for rows, rest in zip((KEYS, METHOD_KEYS), texts[1:], strict=True):
        parts.append(_table(rows) + rest[rest.find("\n\n") + 1 if "\n\n" in rest else len(rest) :])
    return _HEAD.join(parts)


def _table(rows: Sequence[DictionaryKey]) -> str:
    """Return the rows; neighbours with one verdict and meaning share a line."""
    lines = []
    for (verdict, meaning), group in groupby(rows, lambda row: (row.verdict, row.meaning)):
        paths = ", ".join(f"`{row.path}`" for row in group)
        lines.append(f"| {paths} | {verdict} | {meaning} |")
    return "\n".join(lines) + "\n"


def main(arguments: list[str]) -> int:
    """Rewrite the page that is the only argument."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m lava_dispatcher_multinode.lab.dictionary_page PAGE\n")
        return 2
    page = Path(arguments[0])
    page.write_text(with_key_tables(page.read_text("utf-8")), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
