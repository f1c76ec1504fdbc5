"""The sentences that tell a user why a call did not succeed; no code reads them back."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from .api import Cause, Missing, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from .api import Call, Loss, Outcome, WaitGraph

#: How many names a sentence lists before it says "N more".
MAX_LISTED = 8
#: How many waits the description of a deadlock lists.
MAX_LISTED_WAITS = 32


def command(call: Call) -> str:
    """Return the call as its user wrote it, without its data."""
    words = [call.api.command, "--next" if call.next else "", call.id, call.role or ""]
    return " ".join(word for word in words if word)


def sentence(call: Call, outcome: Outcome) -> str:
    """Return why `call` did not succeed, with the call in front; "" if it did."""
    if outcome.status is Status.DONE:
        return ""
    received: str = outcome.fields.get("sentence", "")  # over the wire: names the call
    return received or f"{command(call)}: {explanation(call, outcome)}"


def explanation(call: Call, outcome: Outcome) -> str:
    """Return why `call` did not succeed, without the call in front; "" if it did."""
    if outcome.status is Status.DONE:
        return ""
    explain = _EXPLANATIONS.get(outcome.cause, _text) if outcome.fields else _text
    return explain(call, **outcome.fields) or outcome.status.value


def names(items: Sequence[str], last: str = "and") -> str:
    """Return `a, b and c`, shortened when long."""
    shown = items[:MAX_LISTED]
    return join_words(missing_words(Missing(tuple(shown), len(items) - len(shown))), last)


def join_words(words: Sequence[str], last: str = "and") -> str:
    """Return `a, b and c`."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {last} {words[-1]}"


def missing_words(missing: Missing) -> list[str]:
    """Return the names, and the numbers of those that are not named or have not joined."""
    words = [*missing.names]
    if missing.more:
        words.append(f"{missing.more} more")
    if missing.not_joined:
        words.append(f"{missing.not_joined} not yet joined")
    return words


def loss(lost: Loss, call: Call) -> str:
    """Return what became of a device that `call` needed."""
    if lost.failure is not None:
        return f"{lost.name} failed: {lost.failure}" if lost.failure else f"{lost.name} failed"
    if not lost.sent:
        return f"{lost.name} finished without sending '{call.id}'"
    times = "once" if lost.sent == 1 else f"{lost.sent} times"
    return f"{lost.name} finished after sending '{call.id}' only {times}"


# The explanation of each cause. The parameters after `call` are the outcome's `fields`.


def _text(_call: Call, text: str = "") -> str:
    return text


def _unknown_role(_call: Call, role: str, known: Iterable[str]) -> str:
    return f"no device of the group has the role '{role}'; its roles: {names(sorted(known))}"


def _timed_out(call: Call, seconds: float, missing: Missing) -> str:
    devices = _devices(call, missing) or "other devices"
    return f"timed out after {round(seconds, 2):g} s, waiting for {devices}"


def _peers_lost(call: Call, losses: Sequence[Loss]) -> str:
    parts = [loss(lost, call) for lost in losses[:MAX_LISTED]]
    if len(losses) > MAX_LISTED:
        parts.append(f"and {len(losses) - MAX_LISTED} more")
    text = "; ".join(parts)
    if call.api.spec.needs_all:
        return text
    if not losses:
        return "there is no other device in the group"
    return f"no device is left that could send it: {text}"


def _caller_lost(_call: Call, name: str, state: str, failure: str | None) -> str:
    return f"{name} itself has {state}" + (f": {failure}" if failure else "")


def _caller_gone(_call: Call, name: str) -> str:
    return f"{name} closed its connection before the reply"


def _deadlock(_call: Call, graph: WaitGraph) -> str:
    return _deadlock_text(graph)


@lru_cache(maxsize=1)  # all calls of a deadlock have the same graph
def _deadlock_text(graph: WaitGraph) -> str:
    parts = [
        f"{node} waits for '{call.id}' from {_devices(call, missing)}"
        for node, call, missing in graph.waits
    ]
    if graph.more:
        parts.append(f"{graph.more} more waits")
    return "deadlock: " + "; ".join(parts)


def _devices(call: Call, missing: Missing) -> str:
    shown = missing.names[:MAX_LISTED]
    more = missing.more + len(missing.names) - len(shown)
    words = missing_words(missing._replace(names=shown, more=more))
    return join_words(words, "and" if call.api.spec.needs_all else "or")


_EXPLANATIONS: Mapping[Cause, Callable[..., str]] = {
    Cause.UNKNOWN_ROLE: _unknown_role,
    Cause.TIMEOUT: _timed_out,
    Cause.PEER_LOST: _peers_lost,
    Cause.CALLER_LOST: _caller_lost,
    Cause.CALLER_GONE: _caller_gone,
    Cause.DEADLOCK: _deadlock,
}
