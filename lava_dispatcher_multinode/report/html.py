"""report.html: what happened, the timeline, the consoles, the results; one file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import page, story, tables, timeline, verdict
from .changes import changes
from .consoles import Consoles
from .text import escape, plain
from .view import view

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .results import Results
    from .story import Answer, Sentence

SHOWN = 8  # sentences of an answer that are seen at once
_HINT = (
    "Bars: actions. Below them: boots and steps, definitions with their cases, calls that "
    "waited. Arrows: the messages that ended them. Choose any of them to see that second of "
    "the console. Keys: ? tells."
)


def render(
    results: Results,
    consoles: Consoles | None = None,
    before: Results | None = None,
    live: str = "",
) -> str:
    """Return the whole page; `before`: another run to compare with; `live`: see `page`."""
    consoles = consoles or Consoles(None)
    changed = None if before is None else changes(before, results)
    answers = story.tell(results, consoles, changed)
    title = escape(plain(results.job["name"]) or "A run")
    embedded = () if live else consoles.of(results.nodes)
    return page.frame(title, _body(results, title, answers), view(results), embedded, live)


def _body(results: Results, title: str, answers: list[Answer]) -> str:
    return f"""<header id="head">{_head(results, title)}</header>
<main>
<section id="story" aria-label="What happened">{"".join(map(_answer, answers))}</section>
<section id="timeline" aria-labelledby="timeline-title">
<h2 id="timeline-title">Timeline</h2>
<p class="dim screen">{_HINT}</p>
<div id="tools" class="screen"></div>
<div id="chart" class="wide">{timeline.svg(results)}</div>
</section>
<section id="consoles" aria-labelledby="consoles-title" class="screen">
<h2 id="consoles-title">Consoles</h2>
<noscript><p>They need a script to be shown; the table of nodes has their files.</p></noscript>
</section>
<section id="tables">
<h2>Nodes</h2>
{tables.nodes(results)}
<h2>Actions</h2>
{tables.actions(results)}
<h2>Results</h2>
{tables.cases(results)}
<h2>Messages</h2>
{tables.messages(results)}
<h2>Waits</h2>
{tables.waits(results)}
</section>
</main>"""


def _head(results: Results, title: str) -> str:
    code = verdict.exit_code(results)
    going_on = results.going_on and not results.over
    status = "open" if going_on else verdict.status_of(code)
    facts = [
        "going on" if going_on else f"exit code {int(code)}: {verdict.MEANING[code]}",
        f"{results.last:.3f} s",
        f"started {results.started}" if results.started else "",
        f"finished {results.finished}" if results.finished else "not finished",
        f"job {results.job['id']}" if results.job["id"] else "",
        results.job["file"],
    ]
    line = " \N{MIDDLE DOT} ".join(escape(fact) for fact in facts if fact)
    return f'<h1>{title} {tables.badge(status)}</h1>\n<p class="dim">{line}</p>'


def _answer(answer: Answer) -> str:
    lines = "\n".join(escape(line) for line in answer.console)
    console = f"<pre>{lines}</pre>" if lines else ""
    shown, more = answer.sentences[:SHOWN], answer.sentences[SHOWN:]
    told = _list(shown)
    if more:
        told += f"<details><summary>{len(more)} more</summary>{_list(more)}</details>"
    wide = " broad" if lines else ""
    question = escape(answer.question)
    return f'<div class="answer{wide}"><h2>{question}</h2>{told}{console}</div>'


def _list(sentences: Sequence[Sentence]) -> str:
    told = "".join(f"<li>{_sentence(sentence)}</li>" for sentence in sentences)
    return f"<ul>{told}</ul>" if told else ""


def _sentence(sentence: Sentence) -> str:
    return "".join(
        escape(part) if isinstance(part, str) else tables.link(part.text, part.node, part.time)
        for part in sentence
    )
