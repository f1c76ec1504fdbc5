"""The summary of a run, printed last on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from .. import verdict
from ..failures import (
    SharedReasons,
    find_failures,
    group_by_reason,
    group_by_subject,
    reason_suffix,
)
from ..safe_text import clip, first_line, one_line, pad, width
from .terminal import is_terminal, paint, size_of, wants_colour

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ..failures import Failure
    from ..results import Results
    from ..run_model import NodeRecord

HEADINGS = ("node", "role", "type", "status", "passed", "failed", "error")
STATUS_COLUMN = HEADINGS.index("status")
MAX_CELL_COLUMNS = 30  # the error is not cut
MAX_ERROR_LINES = 12
MAX_FAILURES = 50  # further ones are counted
MAX_NAMED = 8  # nodes in one failure, and subjects with one reason

_STYLE = {"pass": "good", "fail": "bad", "error": "bad"}


def format_summary(
    results: Results, directory: Path | None, *, color: bool = False, columns: int | None = None
) -> str:
    """Return the table of nodes, the failures, the paths of the results, and the exit code.

    `columns` is the width to which the table is cut; None: no limit.
    """
    code = verdict.exit_code(results)
    lines = [
        *_table(results, color, columns),
        *_explained(results),
        *_failed(results),
    ]
    if lines:
        lines.append("")
    if directory is not None:
        lines.append(f"Results: {one_line(str(directory))}")
        if (page := directory / "report.html").is_file():
            lines.append(f"Report: {one_line(str(page))}")
    if results.running:
        lines.append("The run is not finished.")
    else:
        meaning = f"Result: {verdict.MEANING[code]} (exit code {int(code)})"
        lines.append(paint(meaning, _STYLE.get(verdict.status_of(code), "warning"), color=color))
    return "\n".join(lines) + "\n"


def summary_for_stream(stream: TextIO, results: Results, directory: Path | None) -> str:
    """Return the summary for `stream`: on a terminal in colour, and in its width."""
    columns = size_of(stream)[0] if is_terminal(stream) else None
    return format_summary(results, directory, color=wants_colour(stream), columns=columns)


def _table(results: Results, color: bool, columns: int | None) -> Iterator[str]:
    shared = SharedReasons(results)
    rows = [HEADINGS, *(_row(node, results, shared) for node in results.nodes.values())]
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
            # The status is coloured if the cut has left it in place.
            start = sum(widths[:STATUS_COLUMN]) + 2 * STATUS_COLUMN
            yield _painted(line, row[STATUS_COLUMN], start, color) if line.isascii() else line


def _painted(line: str, status: str, start: int, color: bool) -> str:
    end = start + len(status)
    if line[start:end] != status:
        return line
    return line[:start] + paint(status, _STYLE.get(status, ""), color=color) + line[end:]


def _row(node: NodeRecord, results: Results, shared: SharedReasons) -> tuple[str, ...]:
    judged = verdict.current_status(node, results)
    names = (
        clip(one_line(text), MAX_CELL_COLUMNS) for text in (node.name, node.role, node.device_type)
    )
    counts = (str(node.count("pass")), str(node.count("fail")))
    error = one_line(shared.shorten(first_line(judged.error or "")))
    return (*names, judged.status, *counts, error)


def _explained(results: Results) -> Iterator[str]:
    """Yield in full the errors that kept nodes from starting: they end with what to do."""
    for error, names in _unstarted(results).items():
        yield ""
        yield one_line(f"{', '.join(names)}:")
        lines = error.splitlines()
        yield from (f"  {one_line(line)}" for line in lines[:MAX_ERROR_LINES])
        if len(lines) > MAX_ERROR_LINES:
            yield f"  and {len(lines) - MAX_ERROR_LINES} more lines"


def _unstarted(results: Results) -> dict[str, list[str]]:
    """Return the nodes that did not start, by their error of several lines."""
    nodes: dict[str, list[str]] = {}
    for node in results.nodes.values():
        error = (verdict.of_node(node).error or "").strip()
        if "\n" in error and not node.actions:
            nodes.setdefault(error, []).append(node.name)
    return nodes


def _where(failed: list[Failure]) -> str:
    names = list(dict.fromkeys(failure.node for failure in failed))
    more = f" and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else ""
    return ", ".join(names[:MAX_NAMED]) + more


def _failed(results: Results) -> Iterator[str]:
    """Yield the failures, oldest first; one that many nodes share is one line."""
    explained = {name for names in _unstarted(results).values() for name in names}
    kinds = group_by_reason(
        failure for failure in find_failures(results) if failure.node not in explained
    )
    if kinds:
        yield ""
        yield "Failures (oldest first):"
    for kind in kinds[:MAX_FAILURES]:
        things = [f"{_where(failed)}: {what}" for what, failed in group_by_subject(kind).items()]
        more = f"; and {len(things) - MAX_NAMED} more" if len(things) > MAX_NAMED else ""
        text = "; ".join(things[:MAX_NAMED]) + more + reason_suffix(kind)
        yield one_line(f"  [{kind[0].time:9.3f}] {text}")
    if len(kinds) > MAX_FAILURES:
        yield f"  and {len(kinds) - MAX_FAILURES} more"
