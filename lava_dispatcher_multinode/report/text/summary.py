"""What a run came to, for people: the last thing on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from .. import verdict
from ..failures import SharedReasons, alike, because, by_what, failures
from ..safe_text import clip, one_line, pad, width
from .log_lines import first_line
from .terminal import is_terminal, paint, size_of, wants_colour

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ..failures import Failure
    from ..results import Results
    from ..run_model import Node

HEADS = ("node", "role", "type", "status", "passed", "failed", "error")
STATUS = HEADS.index("status")
WIDEST = 30  # columns of a cell, but for the error
EXPLANATION = 12  # lines of an error
FAILURES = 50  # told; the rest are counted
NODES = 8  # named in one of them, and things that failed for one reason

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
        *_failed(results),
    ]
    if lines:
        lines.append("")
    if directory is not None:
        lines.append(f"results: {one_line(str(directory))}")
        if (page := directory / "report.html").is_file():
            lines.append(f"what happened: {one_line(str(page))}")
    if results.going_on and not results.over:
        lines.append("the run is going on")
    else:
        meaning = f"exit code {int(code)}: {verdict.MEANING[code]}"
        lines.append(paint(meaning, _STYLE.get(verdict.status_of(code), "warning"), color=color))
    return "\n".join(lines) + "\n"


def summary_on(stream: TextIO, results: Results, directory: Path | None) -> str:
    """Return the summary as it fits `stream`: in colour and its width where that is a terminal."""
    columns = size_of(stream)[0] if is_terminal(stream) else None
    return summary(results, directory, color=wants_colour(stream), columns=columns)


def _table(results: Results, color: bool, columns: int | None) -> Iterator[str]:
    shared = SharedReasons(results)
    rows = [HEADS, *(_row(node, results, shared) for node in results.nodes.values())]
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


def _row(node: Node, results: Results, shared: SharedReasons) -> tuple[str, ...]:
    judged = verdict.so_far(node, results)
    names = (clip(one_line(text), WIDEST) for text in (node.name, node.role, node.device_type))
    counts = (str(node.count("pass")), str(node.count("fail")))
    error = one_line(shared.brief(first_line(judged.error or "")))
    return (*names, judged.status, *counts, error)


def _explained(results: Results) -> Iterator[str]:
    """Yield all of the errors that kept nodes from beginning: what to do is in their end."""
    for error, names in _unbegun(results).items():
        yield ""
        yield one_line(f"{', '.join(names)}:")
        lines = error.splitlines()
        yield from (f"  {one_line(line)}" for line in lines[:EXPLANATION])
        if len(lines) > EXPLANATION:
            yield f"  and {len(lines) - EXPLANATION} more lines"


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
    more = f" and {len(names) - NODES} more" if len(names) > NODES else ""
    return ", ".join(names[:NODES]) + more


def _failed(results: Results) -> Iterator[str]:
    """Yield what failed, in the order of time; what many nodes failed of, once."""
    explained = {name for names in _unbegun(results).values() for name in names}
    kinds = alike(failure for failure in failures(results) if failure.node not in explained)
    if kinds:
        yield ""
        yield "failed, in the order of time:"
    for kind in kinds[:FAILURES]:
        things = [f"{_where(failed)}: {what}" for what, failed in by_what(kind).items()]
        more = f"; and {len(things) - NODES} more" if len(things) > NODES else ""
        said = "; ".join(things[:NODES]) + more + because(kind)
        yield one_line(f"  [{kind[0].time:9.3f}] {said}")
    if len(kinds) > FAILURES:
        yield f"  and {len(kinds) - FAILURES} more"
