"""The sentences that tell a user why a call did not succeed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .api import Api

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .api import Call, Outcome

#: How many names a sentence lists before it says "and N more".
LISTED = 8
#: How many waits the description of a deadlock lists.
LISTED_WAITS = 32


def command(call: Call) -> str:
    """Return the call as its user wrote it, without its data."""
    words = [f"lava-{call.api}", "--next" if call.next else "", call.id, call.role or ""]
    return " ".join(word for word in words if word)


def failed(call: Call, outcome: Outcome) -> str:
    """Return why a call did not succeed, with the call in front, once."""
    reason = outcome.reason or outcome.status.value
    return reason if reason.startswith(f"lava-{call.api}") else f"{command(call)}: {reason}"


def names(items: Sequence[str], last: str = "and") -> str:
    """Return `a, b and c`, shortened when long."""
    if len(items) > LISTED:
        items = [*items[:LISTED], f"{len(items) - LISTED} more"]
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} {last} {items[-1]}"


def unknown_role(role: str, known: Iterable[str]) -> str:
    """Return why a role cannot be waited for."""
    return f"no device of the group has the role '{role}'; its roles: {names(sorted(known))}"


def lost(name: str, failure: str | None, call: Call, sent: int) -> str:
    """Return what became of a device that was needed; `failure` is None if it finished."""
    if failure is not None:
        return f"{name} failed: {failure}" if failure else f"{name} failed"
    if not sent:
        return f"{name} finished without sending '{call.id}'"
    times = "once" if sent == 1 else f"{sent} times"
    return f"{name} finished after sending '{call.id}' only {times}"


def losses_of(losses: Sequence[str]) -> str:
    """Return what became of several devices, shortened when long."""
    if len(losses) > LISTED:
        losses = [*losses[:LISTED], f"and {len(losses) - LISTED} more"]
    return "; ".join(losses)


def nobody_left(losses: Sequence[str]) -> str:
    """Return why a lava-wait cannot end any more."""
    if not losses:
        return "there is no other device in the group"
    return f"no device is left that could send it: {losses_of(losses)}"


def timed_out(seconds: float, missing: Sequence[str], call: Call) -> str:
    """Return what was missing when a call's time was over."""
    last = "or" if call.api is Api.WAIT else "and"
    whom = names(missing, last) or "other devices"
    return f"timed out after {round(seconds, 2):g} s, waiting for {whom}"


def deadlock(waits: Sequence[tuple[str, Call, Sequence[str]]], total: int) -> str:
    """Return the wait graph in words, of (who waits, its call, for whom), the first of `total`."""
    parts = []
    for node, call, missing in waits:
        last = "or" if call.api is Api.WAIT else "and"
        parts.append(f"{node} waits for '{call.id}' from {names(missing, last)}")
    if total > len(waits):
        parts.append(f"{total - len(waits)} more waits")
    return "deadlock: " + "; ".join(parts)
