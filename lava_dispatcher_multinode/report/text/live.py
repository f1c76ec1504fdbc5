"""The content of the live display: one line per node. No terminal is touched here."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from ...multinode.reasons import missing_words
from ..run_model import NEEDS_ANY
from ..safe_text import clip, one_line, pad, width

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..results import Results
    from ..run_model import NodeRecord, WaitRecord


MAX_NAME_COLUMNS = 24
MIN_LAST_LINE_COLUMNS = 12
#: Nodes that a waiting call names; further ones are counted.
MAX_NAMED_NODES = 3

_STYLES = {"pass": "good", "fail": "bad", "error": "bad"}


def live_lines(
    results: Results,
    now: float,
    columns: int,
    rows: int,
    last_line: Callable[[str], str] | None = None,
) -> list[tuple[str, str]]:
    """Return at most `rows` lines of at most `columns`, each with its style.

    `now` is in seconds of the run; `last_line` returns what a node printed last. If the rows
    do not suffice, the nodes at work come first. A style is "good", "bad" or empty.
    """
    nodes = list(results.nodes.values())
    if len(nodes) > rows:
        nodes.sort(key=lambda node: node.recorded_status is not None)
    shown = nodes if len(nodes) <= rows else nodes[: max(0, rows - 1)]
    name_columns = min(MAX_NAME_COLUMNS, max((len(node.name) for node in nodes), default=0))
    lines = []
    for node in shown:
        text, style = _line(node, results, now, columns, name_columns)
        left = columns - width(text) - 3
        if (
            last_line is not None
            and node.recorded_status is None
            and left >= MIN_LAST_LINE_COLUMNS
        ):
            printed = clip(one_line(last_line(node.name)), left)
            text += f" | {printed}" if printed else ""
        lines.append((text, style))
    if len(shown) < len(nodes) and rows > 0:
        left = len(nodes) - len(shown)
        done = sum(node.recorded_status is not None for node in nodes[len(shown) :])
        text = f"and {left} more nodes: {left - done} at work, {done} finished"
        lines.append((clip(text, columns), ""))
    return lines


def _line(
    node: NodeRecord, results: Results, now: float, columns: int, name_columns: int
) -> tuple[str, str]:
    passed, failed = node.count("pass"), node.count("fail")
    status = node.final_status
    style = _STYLES.get(status or "", "bad" if failed else "")
    counts = ", ".join(
        f"{count} {result}" for count, result in ((passed, "passed"), (failed, "failed")) if count
    )
    name = pad(clip(one_line(node.name), name_columns), name_columns)
    if status is not None:
        forms = [[_elapsed(node.finished or 0.0), status, counts]]
    else:
        action = node.action
        elapsed = _elapsed(max(0.0, now - ((action and action.started) or 0.0)))
        doing = _doing(node, results)
        forms = [[elapsed, action.command if action else "", counts, doing]]
        if node.open_waits:  # the call matters most where the line is short
            forms += [[elapsed, counts, doing], [elapsed, doing]]
    texts = [one_line("  ".join([name, *filter(None, words)])) for words in forms]
    fitting = (text for text in texts if width(text) <= columns)
    return next(fitting, clip(texts[-1], columns)), style


def _doing(node: NodeRecord, results: Results) -> str:
    if not node.open_waits:
        return node.doing
    wait = node.open_waits[0]
    more = f" (and {len(node.open_waits) - 1} more calls)" if len(node.open_waits) > 1 else ""
    return f"{wait.command}{_waiting_for(wait, _absent(wait, results))}{more}"


def _absent(wait: WaitRecord, results: Results) -> list[str]:
    """Return the nodes that `wait` still waits for."""
    sent = results.sent.get(wait.id, Counter())
    names = results.nodes if wait.missing.more else wait.missing.names
    absent = [name for name in names if name != wait.node and sent[name] < wait.needed]
    if wait.missing.more and wait.role:
        absent = [name for name in absent if results.nodes[name].role == wait.role]
    return missing_words(wait.missing._replace(names=tuple(absent), more=0))


def _waiting_for(wait: WaitRecord, absent: list[str]) -> str:
    if wait.api in NEEDS_ANY and len(absent) != 1:
        return ": waiting for another device"
    names = absent if len(absent) <= MAX_NAMED_NODES else absent[: MAX_NAMED_NODES - 1]
    more = f" and {len(absent) - len(names)} more" if len(names) < len(absent) else ""
    return f": waiting for {', '.join(names)}{more}" if names else ""


def _elapsed(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes:>2}:{rest:02}"
