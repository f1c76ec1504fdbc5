"""The message-flow check: waits for messages that no device sends, as far as scripts show.

A warning that is wrong costs more than one that is missing. So a node that may
send an ID counts as sending it: one that computes an ID, or runs what cannot
be read, may send and wait for anything.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from ..errors import Problem
from ..multinode.api import Api
from .hints import did_you_mean, join_words, suggest
from .model import Calls
from .shell_text import ApiCall, Scan, ScriptWarning, scan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from .model import ActionSpec, Job

MAX_SCRIPTS = 200  # that one role's steps may lead to

_SENDING = [api for api in Api if api.spec.sends]
_WAITING = [api for api in Api if api.spec.waits]
_REQUESTS = {api.command: api for api in Api}


@dataclass(frozen=True)
class Script:
    """A run step or a script: its text, and where that begins in which file."""

    name: str  # of a file: its name as scripts call it
    text: str
    file: str = ""  # for messages; default: the name
    line: int = 1  # 0: somewhere in the file
    column: int = 1

    @property
    def whole(self) -> bool:
        """Whether it is a file, and not a step in one."""
        return (self.line, self.column) == (1, 1)


def collect(
    role: str, steps: Iterable[Script], read: Callable[[str], Script | None]
) -> list[Script]:
    """Return `steps` and every script that they lead to when `role` runs them.

    `read` gets a file's name as the script has it (`./run-server.sh`) and
    returns the script, or None if there is no such file.
    """
    scripts = list(steps)
    seen: set[str] = set()
    for script in scripts:  # grows meanwhile
        for name in sorted(_scan(script, role).runs - seen):
            seen.add(name)
            found = read(name) if len(scripts) < MAX_SCRIPTS else None
            if found is not None:
                scripts.append(found)
    return scripts


def check(
    job: Job, scripts: Mapping[str, Sequence[Script]], calls_of: Callable[[ActionSpec], Calls]
) -> list[Problem]:
    """Return a warning for each message that cannot get through, and each call that cannot work.

    `scripts`: for each role what its test definitions run, as `collect`
    returns it. A role with test definitions that is not in it may do anything.
    `calls_of` returns which calls an action makes.
    """
    views = {
        role.name: _view(job, role.name, scripts.get(role.name), calls_of) for role in job.roles
    }
    counts = {role.name: role.count for role in job.roles}
    found: dict[tuple[str, Api, str, str | None], Problem] = {}
    misused = {
        Problem(*place, f"{warning.command}: {warning.why}", warning=True)
        for view in views.values()
        for warning, place in view.warnings
    }
    for role, view in views.items():
        others = [
            other for name, other in views.items() if name != role or counts[name] > 1
        ]  # fmt: skip
        for call, place in view.calls:
            message, hint = _judge(call, role, others, views)
            if message:
                key = (role, call.api, call.id, call.role)
                found.setdefault(key, Problem(*place, message, hint, warning=True))
    return sorted({*found.values(), *misused})


@dataclass
class _View:
    """What is known of the nodes of one role."""

    role: str
    calls: list[tuple[ApiCall, tuple[str, int, int]]] = field(default_factory=list)
    warnings: list[tuple[ScriptWarning, tuple[str, int, int]]] = field(default_factory=list)
    ids: dict[Api, set[str]] = field(default_factory=dict)  # that may be used with a call
    anything: bool = False
    computed: set[Api] = field(default_factory=set)

    def may(self, apis: Iterable[Api], message_id: str) -> bool:
        """Whether these nodes may use one of `apis` with `message_id`."""
        return self.anything or any(
            api in self.computed or message_id in self.ids.get(api, ()) for api in apis
        )


def _view(
    job: Job,
    role: str,
    scripts: Sequence[Script] | None,
    calls_of: Callable[[ActionSpec], Calls],
) -> _View:
    view = _View(role)
    for action in job.actions_of(role):
        match calls_of(action):
            case Calls.OWN:
                _add_action(action, view)
            case Calls.TESTS:
                view.anything |= scripts is None
            case Calls.ANY:
                view.anything = True
    names = {PurePosixPath(script.name).name for script in scripts or ()}
    for script in scripts or ():
        seen = _scan(script, role)
        view.calls += [(call, _place(script, call)) for call in seen.calls]
        view.warnings += [(warning, _place(script, warning)) for warning in seen.warnings]
        view.computed |= seen.computed
        view.anything |= seen.unseen or any(
            PurePosixPath(run).name not in names for run in seen.runs
        )
        for api, message_id in seen.mentions:
            view.ids.setdefault(api, set()).add(message_id)
    return view


def _add_action(action: ActionSpec, view: _View) -> None:
    api = _REQUESTS.get(str(action.parameters.get("request")))
    if api is None:
        return
    call = ApiCall(
        api, str(action.parameters.get("message_id", "")), action.parameters.get("waitrole")
    )
    at = action.position("message_id")
    view.calls.append((call, (at.file, at.line, at.column)))
    view.ids.setdefault(api, set()).add(call.id)


def _scan(script: Script, role: str) -> Scan:
    first = script.text.split("\n", 1)[0]
    other = first.startswith("#!") and "sh" not in first
    return scan(script.text, role, shell=not other and not script.name.endswith(".py"))


def _place(script: Script, call: ApiCall | ScriptWarning) -> tuple[str, int, int]:
    file = script.file or script.name
    if script.line == 0:
        return file, 0, 0
    return file, script.line + call.line - 1, script.column if call.line == 1 else 1


def _judge(
    call: ApiCall, role: str, others: Sequence[_View], views: Mapping[str, _View]
) -> tuple[str, str]:
    """Return what is wrong with one call of `role`, and a hint; or two empty texts."""
    what = f"{call.api.command} {call.id}"
    if not call.api.spec.waits:
        useless = others and not any(view.may(_WAITING, call.id) for view in others)
        near = _near(call, others, _WAITING)
        return (f"{what}: no other node waits for it", near) if useless else ("", "")
    silent = [view.role for view in others if not view.may(_SENDING, call.id)]
    near = _near(call, others, _SENDING)
    if not call.api.spec.needs_all and len(silent) == len(others):
        return f"{what}: no other node sends it", near
    if call.role is not None and call.role not in views:
        return f"{what} {call.role}: unknown role '{call.role}'", suggest(call.role, views)
    if call.role is not None and call.role in silent:
        return f"{what} {call.role}: '{call.role}' never sends it", near
    if call.api.spec.needs_all and call.role is None and silent:
        missing = join_words((f"'{name}'" for name in silent), "and")
        return f"{what}: '{role}' waits for {missing}, where nothing sends it", near
    return "", ""


def _near(call: ApiCall, others: Sequence[_View], apis: Sequence[Api]) -> str:
    used = {name for view in others for api in apis for name in view.ids.get(api, ())}
    return did_you_mean(call.id, used - {call.id})
