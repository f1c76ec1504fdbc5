"""report.html: one file that needs nothing else, not even a script."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from . import timeline, verdict
from .text import escape

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .model import Case, Node, Wait
    from .results import Results

_STYLE = """
:root { color-scheme: light dark; --text: #1c2024; --back: #fff; --line: #d9dde2; --dim: #60666d;
  --pass: #2f9e44; --fail: #e8590c; --error: #c92a2a; --skip: #868e96; --wait: #1c7ed6; }
@media (prefers-color-scheme: dark) { :root { --text: #e6e8ea; --back: #16181b;
  --line: #363b41; --dim: #9aa1a9; --pass: #40c057; --fail: #fd7e14; --error: #fa5252;
  --skip: #868e96; --wait: #4dabf7; } }
body { font: 15px/1.45 system-ui, sans-serif; color: var(--text); background: var(--back);
  max-width: 75rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin-bottom: 0; } h2 { font-size: 1.1rem; margin-top: 2rem; }
.dim { color: var(--dim); } .wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .3rem .7rem .3rem 0; border-bottom: 1px solid var(--line);
  vertical-align: top; overflow-wrap: anywhere; }
th { color: var(--dim); font-weight: 600; } .number { text-align: right; }
td.text { white-space: pre-wrap; }
.badge { color: #fff; border-radius: .3rem; padding: .05rem .5rem; font-weight: 600; }
.badge.pass { background: var(--pass); } .badge.fail { background: var(--fail); }
.badge.error { background: var(--error); }
.badge.skip, .badge.skipped, .badge.unknown { background: var(--skip); }
svg { width: 100%; min-width: 40rem; } svg text { font-size: 12px; fill: var(--text); }
svg .inside { fill: #fff; pointer-events: none; } svg .grid { stroke: var(--line); }
svg .bar.pass { fill: var(--pass); } svg .bar.fail { fill: var(--fail); }
svg .bar.error { fill: var(--error); } svg .bar.skipped { fill: var(--skip); }
svg .wait.done { fill: var(--wait); } svg .wait.broken { fill: var(--error); }
svg .message { stroke: var(--wait); stroke-width: 1.5; } svg .tip { fill: var(--wait); }
"""

_NUMBERS = frozenset({"Passed", "Failed", "Seconds", "Asked", "Answered"})


def render(results: Results) -> str:
    """Return the whole page."""
    title = escape(results.job["name"] or "A run")
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title>
<style>{_STYLE}</style>
</head>
<body>
{_head(results, title)}
<h2>Nodes</h2>
{_nodes(results)}
<h2>Timeline</h2>
<p class="dim">Bars: actions. Thin bars: calls that waited. Arrows: the messages that ended them.
Hold the pointer over any of them for its times.</p>
<div class="wide">{timeline.svg(results)}</div>
<h2>Results</h2>
{_cases(results)}
<h2>Waits</h2>
{_waits(results.waits)}
</body>
</html>
"""


def _head(results: Results, title: str) -> str:
    code = verdict.exit_code(results)
    status = verdict.status_of(code)
    facts = [
        f"exit code {int(code)}: {verdict.MEANING[code]}",
        f"{results.last:.3f} s",
        f"started {results.started}" if results.started else "",
        f"finished {results.finished}" if results.finished else "not finished",
        f"job {results.job['id']}" if results.job["id"] else "",
        results.job["file"],
    ]
    line = " \N{MIDDLE DOT} ".join(escape(fact) for fact in facts if fact)
    return f'<h1>{title} {_badge(status)}</h1>\n<p class="dim">{line}</p>'


def _nodes(results: Results) -> str:
    heads = ("Node", "Role", "Type", "Status", "Passed", "Failed", "Error", "Console")
    return _table(heads, [_node(node) for node in results.nodes.values()], "No node took part.")


def _node(node: Node) -> str:
    judged = verdict.of_node(node)
    error = f"{judged.error_type}: {judged.error}" if judged.error else ""
    folder = f"nodes/{quote(node.name, safe='', errors='replace')}"
    logs = f'<a href="{folder}/console.log">log</a> <a href="{folder}/console.raw">raw</a>'
    return (
        _cells(node.name, node.role, node.device_type)
        + f"<td>{_badge(judged.status)}</td>"
        + _numbers(str(node.count("pass")), str(node.count("fail")))
        + f'<td class="text">{escape(error)}</td><td>{logs}</td>'
    )


def _cases(results: Results) -> str:
    heads = ("Node", "Definition", "Set", "Case", "Result", "Measurement", "Seconds")
    rows = [_case(node, case) for node in results.nodes.values() for case in node.cases]
    return _table(heads, rows, "No result was recorded.")


def _case(node: Node, case: Case) -> str:
    measured = "" if case.measurement is None else f"{case.measurement} {case.units or ''}"
    seconds = "" if case.seconds is None else f"{case.seconds:.3f}"
    return (
        _cells(node.name, case.definition, case.set or "", case.case)
        + f"<td>{_badge(case.result)}</td>"
        + _cells(measured)
        + _numbers(seconds)
    )


def _waits(waits: Iterable[Wait]) -> str:
    heads = ("Node", "Call", "Outcome", "Reason", "Asked", "Answered")
    return _table(heads, [_wait(wait) for wait in waits], "Nobody waited.")


def _wait(wait: Wait) -> str:
    answered = "" if wait.answered is None else f"{wait.answered:.3f}"
    call = f"lava-{wait.api} {wait.id} {wait.role or ''}"
    return _cells(wait.node, call, wait.outcome or "never answered", wait.reason) + _numbers(
        f"{wait.asked:.3f}", answered
    )


def _table(heads: Iterable[str], rows: list[str], nothing: str) -> str:
    if not rows:
        return f'<p class="dim">{nothing}</p>'
    head = "".join(_head_cell(name) for name in heads)
    body = "\n".join(f"<tr>{row}</tr>" for row in rows)
    return f'<div class="wide"><table><tr>{head}</tr>\n{body}</table></div>'


def _head_cell(name: str) -> str:
    return f'<th class="number">{name}</th>' if name in _NUMBERS else f"<th>{name}</th>"


def _cells(*texts: str) -> str:
    return "".join(f"<td>{escape(text)}</td>" for text in texts)


def _numbers(*texts: str) -> str:
    return "".join(f'<td class="number">{escape(text)}</td>' for text in texts)


def _badge(word: str) -> str:
    return f'<span class="badge {word}">{word}</span>'
