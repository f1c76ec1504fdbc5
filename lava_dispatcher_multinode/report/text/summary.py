"""What a run came to, for people: the last thing on the terminal."""

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
from ..safe_text import clip, one_line, pad, width
from .log_lines import first_line
from .terminal import is_terminal, paint, size_of, wants_colour

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ..failures import Failure
    from ..results import Results
    from ..run_model import NodeRecord

HEADINGS = ("node", "role", "type", "status", "passed", "failed", "error")
STATUS_COLUMN = HEADINGS.index("status")
MAX_CELL_COLUMNS = 30  # columns of a cell, but for the error
MAX_ERROR_LINES = 12  # lines of an error
MAX_FAILURES = 50  # told; the rest are counted
MAX_NAMED = 8  # named in one of them, and things that failed for one reason

_STYLE = {"pass": "good", "fail": "bad", "error": "bad"}


def format_summary(
    results: Results, directory: Path | None, *, color: bool = False, columns: int | None = None
) -> str:
    """Return the table of nodes, what failed, where the results are, the exit code if it is over.

    `columns`: the terminal's, to which the table is cut; None: as wide as it gets.
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
        lines.append(f"results: {one_line(str(directory))}")
        if (page := directory / "report.html").is_file():
            lines.append(f"what happened: {one_line(str(page))}")
    if results.running:
        lines.append("the run is going on")
    else:
        meaning = f"exit code {int(code)}: {verdict.MEANING[code]}"
        lines.append(paint(meaning, _STYLE.get(verdict.status_of(code), "warning"), color=color))
    return "\n".join(lines) + "\n"


def summary_for_stream(stream: TextIO, results: Results, directory: Path | None) -> str:
    """Return the summary as it fits `stream`: in colour and its width where that is a terminal."""
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
            # The words of the status are painted where they stand, if they still do.
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
    """Yield all of the errors that kept nodes from beginning: what to do is in their end."""
    for error, names in _unbegun(results).items():
        yield ""
        yield one_line(f"{', '.join(names)}:")
        lines = error.splitlines()
        yield from (f"  {one_line(line)}" for line in lines[:MAX_ERROR_LINES])
        if len(lines) > MAX_ERROR_LINES:
            yield f"  and {len(lines) - MAX_ERROR_LINES} more lines"


def _unbegun(results: Results) -> dict[str, list[str]]:
    """Return the nodes that long errors kept from beginning, by the error."""
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
    """Yield what failed, in the order of time; what many nodes failed of, once."""
    explained = {name for names in _unbegun(results).values() for name in names}
    kinds = group_by_reason(
        failure for failure in find_failures(results) if failure.node not in explained
    )
    if kinds:
        yield ""
        yield "failed, in the order of time:"
    for kind in kinds[:MAX_FAILURES]:
        things = [f"{_where(failed)}: {what}" for what, failed in group_by_subject(kind).items()]
        more = f"; and {len(things) - MAX_NAMED} more" if len(things) > MAX_NAMED else ""
        said = "; ".join(things[:MAX_NAMED]) + more + reason_suffix(kind)
        yield one_line(f"  [{kind[0].time:9.3f}] {said}")
    if len(kinds) > MAX_FAILURES:
        yield f"  and {len(kinds) - MAX_FAILURES} more"
