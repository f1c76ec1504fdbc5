"""The message-flow check: waits for messages that no device sends, as far as scripts show.

A false warning costs more than a missing one. A node that may send an ID therefore counts
as sending it: one that computes an ID, or runs a file that cannot be read, may send and wait
for any ID.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from ..errors import Problem
from ..multinode.api import Api
from .hints import did_you_mean, join_words, suggest
from .model import Calls
from .shell_text import ApiCall, Scan, ScriptWarning, scan_script

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from .model import ActionSpec, Job

MAX_SCRIPTS = 200  # scripts of one role that are read

_SENDING = [api for api in Api if api.spec.sends]
_WAITING = [api for api in Api if api.spec.waits]
_REQUESTS = {api.command: api for api in Api}


@dataclass(frozen=True)
class Script:
    """A run step or a script: its text, and the position of the text in its file."""

    name: str  # for a file: the name by which scripts run it
    text: str
    file: str = ""  # for messages; default: the name
    line: int = 1  # 0: unknown
    column: int = 1

    @property
    def whole(self) -> bool:
        """True if it is a whole file, not a step in one."""
        return (self.line, self.column) == (1, 1)


def collect_scripts(
    role: str, steps: Iterable[Script], read: Callable[[str], Script | None]
) -> list[Script]:
    """Return `steps` and all scripts that they run, directly or indirectly, for `role`.

    `read` gets a file's name as the script has it (`./run-server.sh`) and
    returns the script, or None if there is no such file.
    """
    scripts = list(steps)
    seen: set[str] = set()
    for script in scripts:  # the loop appends to it
        for name in sorted(_scan(script, role).runs - seen):
            seen.add(name)
            found = read(name) if len(scripts) < MAX_SCRIPTS else None
            if found is not None:
                scripts.append(found)
    return scripts


def check_flow(
    job: Job, scripts: Mapping[str, Sequence[Script]], calls_of: Callable[[ActionSpec], Calls]
) -> list[Problem]:
    """Return a warning for each call that waits or sends in vain, and each malformed call.

    `scripts`: the scripts of each role's test definitions, from `collect_scripts`. A role with
    test definitions that is not in it may make any call. `calls_of` returns which calls an
    action makes.
    """
    views = {
        role.name: _role_calls(job, role.name, scripts.get(role.name), calls_of)
        for role in job.roles
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
            message, hint = _problem_with(call, role, others, views)
            if message:
                key = (role, call.api, call.id, call.role)
                found.setdefault(key, Problem(*place, message, hint, warning=True))
    return sorted({*found.values(), *misused})


@dataclass
class _RoleCalls:
    """The calls of the nodes of one role, as far as they are known."""

    role: str
    calls: list[tuple[ApiCall, tuple[str, int, int]]] = field(default_factory=list)
    warnings: list[tuple[ScriptWarning, tuple[str, int, int]]] = field(default_factory=list)
    ids: dict[Api, set[str]] = field(default_factory=dict)  # the IDs of calls that may be made
    any_call: bool = False  # whether they may make any call
    computed: set[Api] = field(default_factory=set)  # calls with an ID that is computed

    def may(self, apis: Iterable[Api], message_id: str) -> bool:
        """Return True if these nodes may make one of the calls `apis` with `message_id`."""
        return self.any_call or any(
            api in self.computed or message_id in self.ids.get(api, ()) for api in apis
        )


def _role_calls(
    job: Job,
    role: str,
    scripts: Sequence[Script] | None,
    calls_of: Callable[[ActionSpec], Calls],
) -> _RoleCalls:
    view = _RoleCalls(role)
    for action in job.actions_of(role):
        match calls_of(action):
            case Calls.OWN:
                _add_action(action, view)
            case Calls.TESTS:
                view.any_call |= scripts is None
            case Calls.ANY:
                view.any_call = True
    names = {PurePosixPath(script.name).name for script in scripts or ()}
    for script in scripts or ():
        seen = _scan(script, role)
        view.calls += [(call, _position(script, call)) for call in seen.calls]
        view.warnings += [(warning, _position(script, warning)) for warning in seen.warnings]
        view.computed |= seen.computed
        view.any_call |= seen.unseen or any(
            PurePosixPath(run).name not in names for run in seen.runs
        )
        for api, message_id in seen.mentions:
            view.ids.setdefault(api, set()).add(message_id)
    return view


def _add_action(action: ActionSpec, view: _RoleCalls) -> None:
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
    return scan_script(script.text, role, shell=not other and not script.name.endswith(".py"))


def _position(script: Script, call: ApiCall | ScriptWarning) -> tuple[str, int, int]:
    file = script.file or script.name
    if script.line == 0:
        return file, 0, 0
    return file, script.line + call.line - 1, script.column if call.line == 1 else 1


def _problem_with(
    call: ApiCall, role: str, others: Sequence[_RoleCalls], views: Mapping[str, _RoleCalls]
) -> tuple[str, str]:
    """Return what is wrong with one call of `role`, and a hint; or two empty texts."""
    what = f"{call.api.command} {call.id}"
    if not call.api.spec.waits:
        useless = others and not any(view.may(_WAITING, call.id) for view in others)
        near = _similar_id(call, others, _WAITING)
        return (f"{what}: no other node waits for it", near) if useless else ("", "")
    silent = [view.role for view in others if not view.may(_SENDING, call.id)]
    near = _similar_id(call, others, _SENDING)
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


def _similar_id(call: ApiCall, others: Sequence[_RoleCalls], apis: Sequence[Api]) -> str:
    used = {name for view in others for api in apis for name in view.ids.get(api, ())}
    return did_you_mean(call.id, used - {call.id})
