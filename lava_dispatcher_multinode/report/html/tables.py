"""The tables of the report page, which work without JavaScript."""

from __future__ import annotations

from itertools import compress
from typing import TYPE_CHECKING
from urllib.parse import quote

from ...multinode.reasons import missing_words
from .. import timeline, verdict
from ..failures import SharedReasons
from ..safe_text import escape, plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ..results import Results
    from ..run_model import ActionRecord, CaseRecord, MessageRecord, NodeRecord, WaitRecord

MAX_ROWS = 20_000
MAX_OPEN_ROWS = 200  # a longer table is folded
MAX_RECEIVERS = 8  # named beside a message; further ones are counted
_NUMBERS = frozenset({"Passed", "Failed", "Seconds", "Asked", "Answered", "Sent"})
_EMPTY = frozenset({"<td></td>", '<td class="number"></td>', '<td class="text"></td>'})

#: The outcomes of waits as users read them.
_OUTCOMES = {None: "not answered", "never": "unsatisfiable"}

Row = tuple[str, list[str]]  # attributes, cells


def nodes(results: Results) -> str:
    """Return the table of nodes."""
    heads = ("Node", "Role", "Type", "Status", "Passed", "Failed", "Error", "Console")
    shared = SharedReasons(results)
    rows = []
    for node in results.nodes.values():
        judged = verdict.current_status(node, results)
        rows.append(_row(node, judged.status, _node(node, judged, shared)))
    return _table("Nodes", heads, rows, "No nodes.")


def actions(results: Results) -> str:
    """Return the table of actions, with all attempts to boot."""
    heads = ("Node", "Action", "Status", "Seconds", "Boots", "Error")
    unended = "open" if results.running else "error"
    shared = SharedReasons(results)
    rows = [
        _row(node, action.status or unended, _action(node, action, unended, shared))
        for node in results.nodes.values()
        for action in sorted(node.actions.values(), key=lambda action: action.index)
    ]
    return _table("Actions", heads, rows, "No actions.")


def cases(results: Results) -> str:
    """Return the table of results; all results of one case are in one row."""
    heads = ("Node", "Definition", "Set", "Case", "Result", "Measurement", "Seconds", "History")
    rows = [
        _row(node, history[-1].result, _case(node, history))
        for node in results.nodes.values()
        for history in _histories(node)
    ]
    return _table("Results", heads, rows, "No results.")


def waits(results: Results) -> str:
    """Return the table of waits; a reason that many share is written out once."""
    heads = ("Node", "Call", "Waited for", "Outcome", "Reason", "Asked", "Answered", "Seconds")
    shared = SharedReasons(results)
    shown_reasons: set[str] = set()
    rows = []
    for wait in results.waits:
        _, sentence = shared.split(wait.sentence)
        reason = (
            _brief(wait.sentence, shared) if sentence in shown_reasons else _text(wait.sentence)
        )
        shown_reasons.add(sentence)
        result = "pass" if wait.outcome == "done" else "fail"
        rows.append(_row(results.nodes.get(wait.node), result, _wait(wait, reason, results.last)))
    return _table("Waits", heads, rows, "No waits.")


def messages(results: Results) -> str:
    """Return the table of messages and their receivers."""
    heads = ("Sender", "ID", "Data", "Sent", "Received by")
    released: dict[int, list[WaitRecord]] = {}
    for arrow in timeline.find_arrows(results):
        released.setdefault(id(arrow.message), []).append(arrow.wait)
    rows = [
        _row(results.nodes.get(m.sender), "", _message(m, released.get(id(m), ())))
        for m in results.messages
    ]
    return _table("Messages", heads, rows, "No messages.")


def link(text: str, node: str, time: float) -> str:
    """Return a link to one second of a console; without JavaScript, to its file."""
    name, shown = escape(plain(node)), escape(text)
    return (
        f'<a href="{_folder(node)}/console.log" data-node="{name}" data-t="{time:.6f}">{shown}</a>'
    )


def badge(word: str) -> str:
    """Return a status or result as a coloured badge."""
    return f'<span class="badge {word}">{"running" if word == "open" else word}</span>'


def _node(node: NodeRecord, judged: verdict.Verdict, shared: SharedReasons) -> list[str]:
    kind = f"{judged.error_type}: " if judged.error else ""
    folder = _folder(node.name)
    logs = f'<a href="{folder}/console.log">log</a> <a href="{folder}/console.raw">raw</a>'
    time = node.finished or 0.0
    return [
        f"<td>{link(node.name, node.name, time)}</td>",
        *_cells(node.role, node.device_type),
        f"<td>{badge(judged.status)}</td>",
        *_numbers(str(node.count("pass")), str(node.count("fail"))),
        _brief(judged.error or "", shared, kind),
        f"<td>{logs}</td>",
    ]


def _action(
    node: NodeRecord, action: ActionRecord, unended: str, shared: SharedReasons
) -> list[str]:
    took = "" if action.seconds is None else f"{action.seconds:.3f}"
    boots = [boot for boot in node.boots if boot.within(action)]
    history = " ".join(
        link(f"{boot.attempt}: {boot.status or 'not ended'}", node.name, boot.started)
        for boot in boots
    )
    name = action.command
    error = action.error or ("" if action.status or unended == "open" else "cut off")
    return [
        *_cells(node.name),
        f"<td>{_maybe_link(name, node.name, action.started)}</td>",
        f"<td>{badge(action.status or unended)}</td>",
        *_numbers(took),
        f"<td>{history}</td>",
        _brief(error, shared),
    ]


def _maybe_link(text: str, node: str, time: float | None) -> str:
    return escape(text) if time is None else link(text, node, time)


def _histories(node: NodeRecord) -> Iterable[list[CaseRecord]]:
    found: dict[tuple[str, str | None, str], list[CaseRecord]] = {}
    for case in node.cases:
        found.setdefault((case.definition, case.set, case.case), []).append(case)
    return found.values()


def _case(node: NodeRecord, history: list[CaseRecord]) -> list[str]:
    case = history[-1]
    measured = "" if case.measurement is None else f"{case.measurement} {case.units or ''}"
    took = "" if case.seconds is None else f"{case.seconds:.3f}"
    earlier = [link(f"{c.result} at {c.time:.3f} s", node.name, c.time) for c in history[-10:]]
    more = f"{len(history) - 10} more, " if len(history) > 10 else ""
    return [
        *_cells(node.name, case.definition, case.set or ""),
        f"<td>{link(case.case, node.name, case.time)}</td>",
        f"<td>{badge(case.result)}</td>",
        *_cells(measured),
        *_numbers(took),
        f"<td>{more + ', '.join(earlier) if len(history) > 1 else ''}</td>",
    ]


def _wait(wait: WaitRecord, reason: str, now: float) -> list[str]:
    answered = "" if wait.answered is None else f"{wait.answered:.3f}"
    return [
        *_cells(wait.node),
        f"<td>{link(wait.command, wait.node, wait.asked)}</td>",
        *_cells(
            ", ".join(missing_words(wait.missing)), _OUTCOMES.get(wait.outcome, wait.outcome or "")
        ),
        reason,
        *_numbers(f"{wait.asked:.3f}", answered, f"{wait.seconds(now):.3f}"),
    ]


def _message(message: MessageRecord, released: Sequence[WaitRecord]) -> list[str]:
    data = " ".join(f"{key}={value}" for key, value in message.data.items())
    links = []
    for wait in released[:MAX_RECEIVERS]:
        answered = wait.asked if wait.answered is None else wait.answered
        after = f"{wait.node} +{answered - message.time:.3f} s"
        links.append(link(after, wait.node, answered))
    if len(released) > MAX_RECEIVERS:
        links.append(f"and {len(released) - MAX_RECEIVERS} more")
    to = ", ".join(links)
    return [
        f"<td>{link(message.sender, message.sender, message.time)}</td>",
        *_cells(message.id),
        _text(data),
        *_numbers(f"{message.time:.3f}"),
        f"<td>{to}</td>",
    ]


def _row(node: NodeRecord | None, result: str, cells: list[str]) -> Row:
    name, role = (node.name, node.role) if node else ("", "")
    about = f'data-of="{escape(plain(name))}" data-role="{escape(plain(role))}"'
    return f'{about} data-result="{escape(result)}"', cells


def _table(title: str, heads: Iterable[str], rows: list[Row], nothing: str) -> str:
    """Return a table below its title, without empty columns."""
    count = f' <span class="dim">{len(rows)}</span>' if rows else ""
    opened = " open" if len(rows) <= MAX_OPEN_ROWS else ""
    top = f'<details{opened} id="{title.lower()}"><summary><h2>{title}{count}</h2></summary>'
    if not rows:
        return f'{top}<p class="dim">{nothing}</p></details>'
    filled = [
        any(cells[place] not in _EMPTY for _, cells in rows) for place in range(len(rows[0][1]))
    ]
    head = "".join(_head_cells(compress(heads, filled)))
    body = "\n".join(
        f"<tr {about}>{''.join(compress(cells, filled))}</tr>" for about, cells in rows[:MAX_ROWS]
    )
    more = f'<p class="dim">and {len(rows) - MAX_ROWS} more</p>' if len(rows) > MAX_ROWS else ""
    table = f"<table><thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table>"
    return f'{top}<div class="wide">{table}</div>{more}</details>'


def _head_cells(heads: Iterable[str]) -> Iterator[str]:
    for name in heads:
        kind = ' class="number"' if name in _NUMBERS else ""
        yield f'<th scope="col"{kind}>{name}</th>'


def _cells(*texts: str) -> list[str]:
    return [f"<td>{escape(text)}</td>" for text in texts]


def _numbers(*texts: str) -> list[str]:
    return [f'<td class="number">{escape(text)}</td>' for text in texts]


def _text(text: str) -> str:
    return f'<td class="text">{escape(text)}</td>'


def _brief(text: str, shared: SharedReasons, before: str = "") -> str:
    """Return a cell that cuts a shared reason; its title has the full text."""
    short = shared.shorten(text)
    if short == text:
        return _text(before + text)
    return f'<td class="text" title="{escape(text)}">{escape(before + short)}</td>'


def _folder(node: str) -> str:
    return f"nodes/{quote(node, safe='', errors='replace')}"
