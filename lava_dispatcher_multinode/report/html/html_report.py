"""report.html: the failures, the timeline, the consoles and the results in one file."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from .. import failure_summary, timeline, verdict
from ..changes import find_changes
from ..inputs import NO_INPUTS
from ..safe_text import escape, plain
from . import page, tables
from .view import page_data

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..failure_summary import Answer, Sentence
    from ..inputs import ReportInputs
    from ..results import Results

MAX_OPEN_SENTENCES = 8  # of an answer; further ones are folded
_LEGEND = (
    ("pass", "passed"),
    ("fail", "failed"),
    ("error", "error"),
    ("plain", "step or definition"),
    ("waited", "wait"),
    ("sent", "message (arrow: to the wait it completed)"),
    ("crossed", "failed here"),
)
_HINT = "Click an item to show its console output; ? shows the keys."


def render(results: Results, inputs: ReportInputs = NO_INPUTS, live: str = "") -> str:
    """Return the whole page; `live` is the URL of its server-sent events, if it has any."""
    changed = None if inputs.before is None else find_changes(inputs.before, results)
    answers = failure_summary.summarise_failures(results, inputs.consoles, changed)
    title = escape(plain(results.job["name"]) or "A run")
    embedded = () if live else inputs.consoles.of(results.nodes)
    return page.frame(title, _body(results, title, answers), page_data(results), embedded, live)


def _body(results: Results, title: str, answers: list[Answer]) -> str:
    return f"""<header id="head">{_head(results, title)}</header>
<main>
<section id="story" aria-label="Summary">{"".join(map(_answer, answers))}</section>
<section id="timeline" aria-labelledby="timeline-title">
<h2 id="timeline-title">Timeline</h2>
<p class="legend dim">{_legend()} <span class="screen">{_HINT}</span></p>
<div id="tools" class="screen"></div>
<div id="chart" class="wide">{timeline.svg(results)}</div>
</section>
<section id="consoles" aria-labelledby="consoles-title" class="screen">
<h2 id="consoles-title">Consoles</h2>
<noscript><p>Showing them needs JavaScript; the table of nodes links to their files.</p></noscript>
</section>
<section id="tables" aria-label="Tables">
{tables.nodes(results)}
{tables.actions(results)}
{tables.cases(results)}
{tables.messages(results)}
{tables.waits(results)}
</section>
</main>"""


def _head(results: Results, title: str) -> str:
    code = verdict.exit_code(results)
    running = results.running
    status = "open" if running else verdict.status_of(code)
    facts = [
        "running" if running else f"{verdict.MEANING[code]} (exit code {int(code)})",
        "" if running else _duration(results.last),
        _moment(results.started) if results.started else "",
        "" if results.finished or running else "not finished",
        f"job {results.job['id']}" if results.job["id"] else "",
        results.job["file"],
    ]
    line = " \N{MIDDLE DOT} ".join(escape(fact) for fact in facts if fact)
    return f'<h1>{title} {tables.badge(status)}</h1>\n<p class="dim">{line}</p>'


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s"


def _moment(iso: str) -> str:
    """Return an ISO time in readable form; other text unchanged."""
    try:
        moment = datetime.fromisoformat(iso).astimezone(UTC)
    except (ValueError, OverflowError):
        return iso
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def _legend() -> str:
    return "".join(f'<span class="key {kind}">{words}</span> ' for kind, words in _LEGEND).rstrip()


def _answer(answer: Answer) -> str:
    lines = "\n".join(escape(line) for line in answer.console)
    console = f"<pre>{lines}</pre>" if lines else ""
    shown, more = answer.sentences[:MAX_OPEN_SENTENCES], answer.sentences[MAX_OPEN_SENTENCES:]
    sentences = _list(shown)
    if more:
        sentences += f"<details><summary>{len(more)} more</summary>{_list(more)}</details>"
    wide = " broad" if lines else ""
    heading = escape(answer.heading)
    return f'<div class="answer{wide}"><h2>{heading}</h2>{sentences}{console}</div>'


def _list(sentences: Sequence[Sentence]) -> str:
    if len(sentences) == 1:
        return f"<p>{_sentence(sentences[0])}</p>"
    items = "".join(f"<li>{_sentence(sentence)}</li>" for sentence in sentences)
    return f"<ul>{items}</ul>" if items else ""


def _sentence(sentence: Sentence) -> str:
    return "".join(
        escape(part) if isinstance(part, str) else tables.link(part.text, part.node, part.time)
        for part in sentence
    )
