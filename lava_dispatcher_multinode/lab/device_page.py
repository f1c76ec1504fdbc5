"""Writes the tables of docs/reference/device-file.md from the classes of the device model.

python -m lava_dispatcher_multinode.lab.device_page docs/reference/device-file.md
"""

from __future__ import annotations

import re
import sys
from dataclasses import MISSING, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .device_keys import keys_of, section_of
from .device_model import Device

if TYPE_CHECKING:
    from collections.abc import Iterator


def with_tables(page: str) -> str:
    """Return `page` with the table of each section below the section's heading.

    Raises `ValueError` for a section without a heading and a table.
    """
    for title, section in (("Keys", Device), *_sections(Device)):
        pattern = rf"(^#+ {re.escape(title)}\n(?:(?!#|\|).*\n)*)(?:\|.*\n)+"
        found = re.search(pattern, page, re.MULTILINE)
        if found is None:
            raise ValueError(f"the page has no table of '{title}'")
        page = page[: found.end(1)] + table_of(section) + page[found.end() :]
    return page


def table_of(section: type) -> str:
    """Return the Markdown table of a section's keys."""
    lines = ["| key | | default |", "|---|---|---|"]
    for each, key in keys_of(section):
        more = "; see below" if section_of(each.type) else ""
        text = key.description.replace("|", r"\|") + more
        default = key.shown or _shown(each.default)
        lines.append(f"| `{each.name}` | {text} | {default} |".replace("|  |", "| |"))
    return "\n".join(lines) + "\n"


def _sections(section: type, path: str = "") -> Iterator[tuple[str, type]]:
    for each, _ in keys_of(section):
        inner = section_of(each.type)
        if inner is not None:
            title = f"{path}{each.name}"
            yield title, inner
            yield from _sections(inner, f"{title}.")


def _shown(default: Any) -> str:
    """Return a default as the table shows it."""
    if default in (MISSING, None) or default is False or is_dataclass(default):
        return ""
    if isinstance(default, str):
        return f"`{default}`" if "\n" not in default else "that of a U-Boot of 2012"
    if isinstance(default, tuple | frozenset):
        return " and ".join(f"`{one}`" for one in default) or "none"
    return str(default)


def main(arguments: list[str]) -> int:
    """Rewrite the page that is the only argument."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m lava_dispatcher_multinode.lab.device_page PAGE\n")
        return 2
    page = Path(arguments[0])
    page.write_text(with_tables(page.read_text("utf-8")), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
