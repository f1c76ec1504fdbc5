"""Who gets which board: exact, all or nothing, without touching anything.

An assignment is a matching of requirements (one for each node) with devices.
It is grown by augmenting paths, so it is found whenever one exists; where it
cannot grow, the search has reached a set of requirements that together know
fewer devices than they are (Hall's theorem), and that is what the user is told.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

from ..errors import BoardsUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ..job.model import Job
    from .device_model import Device


@dataclass(frozen=True)
class Requirement:
    """What one node needs: a named device, or any of a type that has all the tags."""

    role: str
    index: int  # from 0, among the nodes of the role
    device_type: str | None = None
    device: str | None = None
    tags: frozenset[str] = frozenset()

    def accepts(self, device: Device) -> bool:
        """Whether `device` will do."""
        return (
            self.device in (None, device.name)
            and self.device_type in (None, device.device_type)
            and self.tags <= device.tags
        )


class BoardsBusy(BoardsUnavailable):
    """Enough boards exist, but somebody holds them; waiting may help.

    `devices` are the names of those whose release may help.
    """

    def __init__(self, message: str, devices: Iterable[str]) -> None:
        self.devices = frozenset(devices)
        super().__init__(message)


class BoardsMissing(BoardsUnavailable):
    """Not enough boards exist; waiting does not help.

    `requirements` are those that compete for too few.
    """

    def __init__(self, message: str, requirements: Iterable[Requirement]) -> None:
        self.requirements = frozenset(requirements)
        super().__init__(message)


def requirements(job: Job) -> list[Requirement]:
    """Return what each node of `job` needs, role by role as in the file."""
    return [
        Requirement(role.name, index, role.device_type, role.device, role.tags)
        for role in job.roles
        for index in range(role.count)
    ]


def assign(
    needed: Sequence[Requirement],
    devices: Iterable[Device],
    held: Mapping[str, str] | None = None,
) -> dict[Requirement, Device]:
    """Return a device of its own for each requirement, none of them held.

    `held` maps a device's name to who holds it, as the user shall read it.
    The answer depends on nothing but the arguments: names decide.

    Raises `BoardsMissing` when it could not be done with all the devices,
    `BoardsBusy` when it cannot be done without the held ones.
    """
    held = held or {}
    everything = sorted(devices, key=lambda device: natural(device.name))
    free = [device for device in everything if device.name not in held]
    found, short = _match(needed, free)
    if not short:
        return found
    _, missing = _match(needed, everything)
    if missing:
        text = "; ".join(_shortage(group, needed, everything) for group in missing)
        raise BoardsMissing(f"not enough boards: {text}", frozenset().union(*missing))
    text = "; ".join(_shortage(group, needed, free, "free") for group in short)
    # No other release can help: whatever the competitors can reach by moving over, they have.
    competing = frozenset().union(*short)
    wanted = [
        d.name for d in everything if d.name in held and any(r.accepts(d) for r in competing)
    ]
    holders = "; ".join(f"{name} is held by {held[name]}" for name in wanted)
    raise BoardsBusy(f"boards are busy: {text}; {holders}", wanted)


def natural(name: str) -> tuple[list[tuple[int, str]], str]:
    """Return a key that sorts panda2 before panda10, and no two names alike."""
    parts = re.findall(r"[0-9]+|[^0-9]+", name)
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts], name


def _match(
    needed: Sequence[Requirement], devices: Sequence[Device]
) -> tuple[dict[Requirement, Device], list[frozenset[Requirement]]]:
    """Return the largest matching, and a set of competitors for each shortage."""
    owner: dict[str, Requirement] = {}
    found: dict[Requirement, Device] = {}
    # Requirements that differ in nothing but their number have the same candidates.
    candidates: dict[object, list[Device]] = {}
    for requirement in needed:
        kind = _kind(requirement)
        if kind not in candidates:
            candidates[kind] = [device for device in devices if requirement.accepts(device)]
    short: list[frozenset[Requirement]] = []
    for requirement in needed:
        competitors = _augment(requirement, candidates, owner, found)
        roles = {competitor.role for competitor in competitors}
        if competitors and not any(r.role in roles for group in short for r in group):
            short.append(frozenset(competitors))
    return {r: found[r] for r in needed if r in found}, short


def _augment(
    start: Requirement,
    candidates: Mapping[object, Sequence[Device]],
    owner: dict[str, Requirement],
    found: dict[Requirement, Device],
) -> list[Requirement]:
    """Give `start` a device, moving others over where needed.

    Return nothing; or, where it cannot be done, all that compete for too few.
    """
    reached_by: dict[str, Requirement] = {}
    queue = [start]
    for requirement in queue:  # it grows: breadth first, so nobody moves without need
        for device in candidates[_kind(requirement)]:
            if device.name in reached_by:
                continue
            reached_by[device.name] = requirement
            if device.name in owner:
                queue.append(owner[device.name])
            else:
                _move_over(device, reached_by, owner, found)
                return []
    return queue


def _move_over(
    device: Device,
    reached_by: Mapping[str, Requirement],
    owner: dict[str, Requirement],
    found: dict[Requirement, Device],
) -> None:
    """Walk back from a free `device`: each on the way takes it and leaves its own."""
    while True:
        requirement = reached_by[device.name]
        owner[device.name] = requirement
        previous = found.get(requirement)
        found[requirement] = device
        if previous is None:
            return
        device = previous


def _kind(requirement: Requirement) -> tuple[object, ...]:
    return (requirement.device_type, requirement.device, requirement.tags)


def _of_their_roles(
    group: Iterable[Requirement], needed: Sequence[Requirement]
) -> list[Requirement]:
    """Return all of the roles concerned: a user thinks of roles, and they fail alike."""
    roles = {requirement.role for requirement in group}
    return [requirement for requirement in needed if requirement.role in roles]


def _shortage(
    group: Iterable[Requirement],
    needed: Sequence[Requirement],
    devices: Sequence[Device],
    state: str = "",
) -> str:
    """Say what `group` needs and what there is of it."""
    competing = _of_their_roles(group, needed)
    by_role: dict[str, list[Requirement]] = {}
    for requirement in competing:
        by_role.setdefault(requirement.role, []).append(requirement)
    wants = " and ".join(
        f"role {role} needs {_want(members[0], len(members))}" for role, members in by_role.items()
    )
    names = [device.name for device in devices if any(r.accepts(device) for r in competing)]
    verb = "is" if len(names) == 1 else "are"
    there = f"there {verb} {len(names) or 'none'}" + (f" {state}" if state else "")
    listed = f": {', '.join(names)}" if names else ""
    return f"{wants}; {there}{listed}" + ("" if state else _near_misses(competing, devices))


def _want(requirement: Requirement, count: int) -> str:
    what = f"{count} {requirement.device_type or 'boards'}"
    if requirement.device is not None:
        what = f"the device {requirement.device}"
        if requirement.device_type is not None:
            what += f" as a {requirement.device_type}"
    tags = f" with tags {{{', '.join(sorted(requirement.tags))}}}" if requirement.tags else ""
    return what + tags


def _near_misses(competing: Iterable[Requirement], devices: Sequence[Device]) -> str:
    """Say which devices would do but for one thing, to point at the likely mistake."""
    said: dict[str, None] = {}
    for requirement in competing:
        if requirement.device and not any(d.name == requirement.device for d in devices):
            close = get_close_matches(requirement.device, [d.name for d in devices], 1)
            said.update({f"did you mean {close[0]}?": None} if close else {})
        for device in devices:
            lacks = ", ".join(sorted(requirement.tags - device.tags))
            right = requirement.device_type in (None, device.device_type)
            named = requirement.device == device.name
            if requirement.device is not None and not named:
                continue
            if named and not right:
                said[f"{device.name} is a {device.device_type}"] = None
            elif right and lacks:
                said[f"{device.name} lacks {lacks}"] = None
    return f" ({'; '.join(said)})" if said else ""
