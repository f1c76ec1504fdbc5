"""The timeline as SVG: a lane per node, its actions as bars, messages as arrows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from .safe_text import clip, escape

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .results import Results
    from .run_model import ActionRecord, MessageRecord, NodeRecord, WaitRecord

WIDTH = 1000  # in SVG units; the page scales the picture
LABEL = 130  # left of the lanes, for names
LANE = 44
BAR = 20
TOP = 26  # above the lanes, for the time
MIN_TICKS = 5
MAX_ARROWS = 300  # above, the page draws one per wait; without JavaScript, the first ones
MAX_NAME_CHARS = 16  # beside a lane

_TIP = (
    '<defs><marker id="tip" viewBox="0 0 6 6" refX="6" refY="3" markerWidth="6" '
    'markerHeight="6" orient="auto"><path d="M0 0L6 3L0 6z" class="tip"/></marker></defs>'
)


@dataclass(frozen=True)
class Arrow:
    """A message, and the wait that it completed."""

    message: MessageRecord
    wait: WaitRecord


def find_arrows(results: Results) -> Iterator[Arrow]:
    """Yield, for each completed wait, the latest message of each sender that completed it.

    If the events do not name the senders, all nodes that had sent the ID count.
    """
    by_id: dict[str, list[MessageRecord]] = {}
    for message in results.messages:
        by_id.setdefault(message.id, []).append(message)
    for wait in results.waits:
        if wait.outcome == "done" and wait.answered is not None and wait.api != "send":
            latest = {
                m.sender: m
                for m in by_id.get(wait.id, ())
                if m.sender != wait.node and m.time <= wait.answered
                if _counts(m.sender, wait, results)
            }
            for message in latest.values():
                if message.sender in results.nodes and wait.node in results.nodes:
                    yield Arrow(message, wait)


def _counts(sender: str, wait: WaitRecord, results: Results) -> bool:
    if wait.senders is not None:
        return sender in wait.senders
    return not wait.role or sender not in results.nodes or results.nodes[sender].role == wait.role


class Scale:
    """Maps times and nodes to coordinates."""

    def __init__(self, results: Results) -> None:
        self.end = max(results.last, 0.001)
        self._lanes = {name: number for number, name in enumerate(results.nodes)}
        self.height = TOP + LANE * max(1, len(self._lanes)) + 10

    def x(self, seconds: float) -> float:
        """Return the x coordinate of a time."""
        share = min(max(seconds / self.end, 0.0), 1.0)
        return round(LABEL + share * (WIDTH - LABEL - 10), 1)

    def y(self, node: str) -> float:
        """Return the y coordinate of the middle of a node's lane."""
        return TOP + LANE * self._lanes[node] + LANE / 2


def svg(results: Results) -> str:
    """Return the picture as an SVG element; colours are the page's."""
    scale = Scale(results)
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {scale.height}" role="img" aria-label="Timeline of the run">',
        _TIP,
        *_axis(scale),
    ]
    for node in results.nodes.values():
        parts += _lane(node, scale, results.last)
    parts += [_arrow(arrow, scale) for arrow in islice(find_arrows(results), MAX_ARROWS)]
    return "\n".join([*parts, "</svg>"])


def _axis(scale: Scale) -> Iterator[str]:
    power = 10.0 ** math.floor(math.log10(scale.end / MIN_TICKS))
    step = next((n * power for n in (5, 2) if n * power <= scale.end / MIN_TICKS), power)
    for tick in range(int(scale.end / step) + 1):
        x = scale.x(tick * step)
        yield f'<line x1="{x}" y1="{TOP}" x2="{x}" y2="{scale.height - 10}" class="grid"/>'
        anchor = "end" if x > WIDTH - 40 else "middle"
        yield f'<text x="{x}" y="14" text-anchor="{anchor}">{tick * step:.12g} s</text>'


def _lane(node: NodeRecord, scale: Scale, now: float) -> Iterator[str]:
    y = scale.y(node.name)
    name = escape(clip(node.name, MAX_NAME_CHARS))
    yield f'<text x="4" y="{y + 4}">{name}<title>{escape(node.name)}</title></text>'
    for action in sorted(node.actions.values(), key=lambda action: action.index):
        if action.started is not None:
            yield _bar(action, y, scale, now)
    for wait in node.waits:
        yield _wait(wait, y, scale, now)


def _bar(action: ActionRecord, y: float, scale: Scale, now: float) -> str:
    start = action.started or 0.0
    end = now if action.seconds is None else start + action.seconds
    x, width = scale.x(start), max(1.0, scale.x(end) - scale.x(start))
    status = action.status or "error"
    title = f"{action.command}: {action.status or 'cut off'}, {end - start:.3f} s"
    # About 6.5 units a character; a name that does not fit is in the title.
    label = action.command if len(action.command) * 6.5 < width else ""
    return (
        f'<g><title>{escape(title)}</title><rect x="{x}" y="{y - BAR / 2}" width="{width:.1f}" '
        f'height="{BAR}" rx="3" class="bar {status}"/>'
        f'<text x="{x + 4}" y="{y + 4}" class="inside">{escape(label)}</text></g>'
    )


def _wait(wait: WaitRecord, y: float, scale: Scale, now: float) -> str:
    end = now if wait.answered is None else wait.answered
    x, width = scale.x(wait.asked), max(1.0, scale.x(end) - scale.x(wait.asked))
    outcome = {None: "not answered", "never": "unsatisfiable"}.get(wait.outcome, wait.outcome)
    title = f"lava-{wait.api} {wait.id}: {outcome} after {end - wait.asked:.3f} s"
    kind = "done" if wait.outcome == "done" else "broken"
    return (
        f'<rect x="{x}" y="{y + BAR / 2 + 2}" width="{width:.1f}" height="5" '
        f'class="wait {kind}"><title>{escape(title)}</title></rect>'
    )


def _arrow(arrow: Arrow, scale: Scale) -> str:
    sent, got = arrow.message, arrow.wait
    answered = got.answered if got.answered is not None else sent.time
    title = f"{sent.id}: {sent.sender} at {sent.time:.3f} s to {got.node} at {answered:.3f} s"
    return (
        f'<line x1="{scale.x(sent.time)}" y1="{scale.y(sent.sender)}" x2="{scale.x(answered)}" '
        f'y2="{scale.y(got.node)}" class="message" marker-end="url(#tip)">'
        f"<title>{escape(title)}</title></line>"
    )
