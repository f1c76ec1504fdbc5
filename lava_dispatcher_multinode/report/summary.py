"""What a run came to, for people: the last thing on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import verdict
from .failures import call
from .narrator import first_line
from .terminal import paint
from .text import clip, one_line, pad, width, without_call

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .model import Node
    from .results import Results

HEADS = ("node", "role", "type", "status", "passed", "failed", "error")
STATUS = HEADS.index("status")
WIDEST = 30  # columns of a cell, but for the error
EXPLANATION = 12  # lines of an error
FAILURES = 50  # named; the rest are counted

_STYLE = {"pass": "good", "fail": "bad", "error": "bad"}


def summary(
    results: Results, directory: Path | None, *, color: bool = False, columns: int | None = None
) -> str:
    """Return the table of nodes, what failed, where the results are, the exit code if it is over.

    `columns`: the terminal's, to which the table is cut; None: as wide as it gets.
    """
    code = verdict.exit_code(results)
    lines = [
        *_table(results, color, columns),
        *_explained(results),
        *_failures(results),
        *_failed_waits(results),
    ]
    if lines:
        lines.append("")
    if directory is not None:
        lines.append(f"results: {one_line(str(directory))}")
    if results.going_on and not results.over:
        lines.append("the run is going on")
    else:
        meaning = f"exit code {int(code)}: {verdict.MEANING[code]}"
        lines.append(paint(meaning, _STYLE.get(verdict.status_of(code), "warning"), color=color))
    return "\n".join(lines) + "\n"


def _table(results: Results, color: bool, columns: int | None) -> Iterator[str]:
    rows = [HEADS, *(_row(node, results) for node in results.nodes.values())]
    if len(rows) == 1:
        return
    widths = [max(width(cell) for cell in cells) for cells in zip(*rows, strict=True)]
    for number, row in enumerate(rows):
        cells = [pad(cell, wide) for cell, wide in zip(row, widths, strict=True)]
        line = "  ".join(cells).rstrip()
        line = line if columns is None else clip(line, columns)
        if number == 0:
            yield paint(line, "strong", color=color)
        else:
            # The words of the status are painted where they stand, if they still do.
            start = sum(widths[:STATUS]) + 2 * STATUS
            yield _painted(line, row[STATUS], start, color) if line.isascii() else line


def _painted(line: str, status: str, start: int, color: bool) -> str:
    end = start + len(status)
    if line[start:end] != status:
        return line
    return line[:start] + paint(status, _STYLE.get(status, ""), color=color) + line[end:]


def _row(node: Node, results: Results) -> tuple[str, ...]:
    judged = verdict.so_far(node, results)
    names = (clip(one_line(text), WIDEST) for text in (node.name, node.role, node.device_type))
    counts = (str(node.count("pass")), str(node.count("fail")))
    error = one_line(first_line(judged.error or ""))
    return (*names, judged.status, *counts, error)


def _explained(results: Results) -> Iterator[str]:
    """Yield all of the errors that kept nodes from beginning: what to do is in their end."""
    nodes: dict[str, list[str]] = {}
    for node in results.nodes.values():
        error = (verdict.of_node(node).error or "").strip()
        if "\n" in error and not node.actions:
            nodes.setdefault(error, []).append(node.name)
    for error, names in nodes.items():
        yield ""
        yield one_line(f"{', '.join(names)}:")
        lines = error.splitlines()
        yield from (f"  {one_line(line)}" for line in lines[:EXPLANATION])
        if len(lines) > EXPLANATION:
            yield f"  and {len(lines) - EXPLANATION} more lines"


def _failures(results: Results) -> Iterator[str]:
    failed = [
        f"  {node.name}: {case.full_name}"
        for node in results.nodes.values()
        for case in node.cases
        if case.result == "fail"
    ]
    if failed:
        yield ""
        yield "failed test cases:"
        yield from (one_line(line) for line in failed[:FAILURES])
        if len(failed) > FAILURES:
            yield f"  and {len(failed) - FAILURES} more"


def _failed_waits(results: Results) -> Iterator[str]:
    failed = [wait for node in results.nodes.values() for wait in node.failed_waits]
    if failed:
        yield ""
        yield "calls that were not answered as asked:"
        for wait in failed[:FAILURES]:
            why = without_call(first_line(wait.reason), call(wait)) or wait.outcome
            yield one_line(f"  {wait.node}: {call(wait)}: {why}")
        if len(failed) > FAILURES:
            yield f"  and {len(failed) - FAILURES} more"
