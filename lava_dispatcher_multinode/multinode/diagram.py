"""The diagrams of docs/explanation/coordinator.md, generated from the tables of transitions.py.

    python -m lava_dispatcher_multinode.multinode.diagram docs/explanation/coordinator.md

updates that file; a test fails while it is out of date.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .transitions import CALL_TRANSITIONS, MEMBER_TRANSITIONS, CallState, MemberState

if TYPE_CHECKING:
    from collections.abc import Mapping
    from enum import StrEnum

#: Name in the document -> the first state, and the table (state, event) -> state.
DIAGRAMS: dict[str, tuple[StrEnum, Mapping[Any, StrEnum]]] = {
    "a call": (CallState.ASKED, CALL_TRANSITIONS),
    "a member": (MemberState.ACTIVE, MEMBER_TRANSITIONS),
}


def mermaid(start: StrEnum, table: Mapping[Any, StrEnum]) -> str:
    """Return the state diagram of `table`, without the transitions that change nothing."""
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {start}"]
    moves = {key: after for key, after in table.items() if after is not key[0]}
    for (before, event), after in moves.items():
        lines.append(f"    {before} --> {after}: {event}")
    on = {before for before, _ in moves}
    ends = dict.fromkeys(after for after in moves.values() if after not in on)
    lines += [f"    {end} --> [*]" for end in ends]
    return "\n".join([*lines, "```"])


def updated(text: str) -> str:
    """Return `text` with every `<!-- diagram: NAME -->` section generated again."""
    for name, (start, table) in DIAGRAMS.items():
        begin, end = f"<!-- diagram: {name} -->\n", "<!-- end -->"
        section = re.escape(begin) + "(?:(?!<!--).)*" + re.escape(end)
        figure = begin + mermaid(start, table) + "\n" + end
        literal = figure.replace("\\", "\\\\")
        text, count = re.subn(section, literal, text, flags=re.DOTALL)
        if count != 1:
            raise ValueError(f"there must be one {begin.strip()} ... {end}")
    return text


if __name__ == "__main__":
    for document in map(Path, sys.argv[1:]):
        document.write_text(updated(document.read_text("utf-8")), "utf-8")
