"""Allocation: an exact, all-or-nothing assignment of devices to nodes. No input or output here.

An assignment is a matching of requirements, one for each node, with devices. It grows along
augmenting paths, so one is found whenever it exists. Where it cannot grow, the search has
reached a set of requirements that is larger than the set of devices that they accept (Hall's
theorem); the error names that set.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

from ..errors import BoardsUnavailable, InvalidJob

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ..errors import Problem
    from ..job.model import Job
    from .device_files import Lab
    from .device_model import Device


@dataclass(frozen=True)
class Requirement:
    """The requirement of one node: a named device, or any device of a type with all the tags."""

    role: str
    index: int  # from 0, among the nodes of the role
    device_type: str | None = None
    device: str | None = None
    tags: frozenset[str] = frozenset()

    def accepts(self, device: Device) -> bool:
        """Return whether `device` meets it."""
        return (
            self.device in (None, device.name)
            and self.device_type in (None, device.device_type)
            and self.tags <= device.tags
        )


class BoardsBusy(BoardsUnavailable):
    """Enough boards exist, but other jobs hold them; waiting may help.

    `devices` are the names of the boards whose release may help.
    """

    def __init__(self, message: str, devices: Iterable[str]) -> None:
        self.devices = frozenset(devices)
        super().__init__(message)


class BoardsMissing(BoardsUnavailable):
    """Not enough boards exist; waiting does not help.

    `requirements` are those that compete for too few boards.
    """

    def __init__(self, message: str, requirements: Iterable[Requirement]) -> None:
        self.requirements = frozenset(requirements)
        super().__init__(message)


def requirements(job: Job) -> list[Requirement]:
    """Return the requirement of each node of `job`, in the order of the file's roles."""
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
    """Return a different device for each requirement, none of them held.

    `held` maps the name of a device to its holder, as errors show it. The result depends on
    the arguments only; names break ties.

    Raises `BoardsMissing` if all the devices are not enough, `BoardsBusy` if those that are
    not held are not enough.
    """
    held = held or {}
    everything = sorted(devices, key=lambda device: natural_key(device.name))
    free = [device for device in everything if device.name not in held]
    found, short = _match(needed, free)
    if not short:
        return found
    _, missing = _match(needed, everything)
    if missing:
        text = "; ".join(_shortage(group, needed, everything) for group in missing)
        raise BoardsMissing(f"not enough boards: {text}", frozenset().union(*missing))
    text = "; ".join(_shortage(group, needed, free, "free") for group in short)
    # No other release can help: the search has tried every reassignment of the competitors.
    competing = frozenset().union(*short)
    wanted = [
        d.name for d in everything if d.name in held and any(r.accepts(d) for r in competing)
    ]
    holders = "; ".join(f"{name} is held by {held[name]}" for name in wanted)
    raise BoardsBusy(f"boards are busy: {text}; {holders}", wanted)


def check_capacity(lab: Lab, needed: Sequence[Requirement]) -> None:
    """Return if the lab has enough boards, held or not.

    Raises `InvalidJob` with the errors of a device file that is certainly the reason,
    `BoardsUnavailable` otherwise.
    """
    try:
        assign(needed, lab.devices)
    except BoardsMissing as missing:
        if certain := _invalid_files(lab, missing, certain=True):
            raise InvalidJob(certain) from missing
        if lab.devices or lab.invalid:
            if possible := _invalid_files(lab, missing, certain=False):
                listed = "".join(f"\n    {problem}" for problem in possible)
                text = f"{missing}; these files are not counted:{listed}"
                raise BoardsMissing(text, missing.requirements) from missing
            raise
        searched = ", ".join(str(directory / "devices") for directory in lab.searched[1:])
        text = (
            f"no devices are configured (looked in {searched}): "
            "'lava-multinode init' writes a first device file; --simulate needs none"
        )
        raise BoardsMissing(text, missing.requirements) from missing


def _invalid_files(lab: Lab, missing: BoardsMissing, *, certain: bool) -> list[Problem]:
    """Return the errors of device files whose devices might meet the requirements.

    `certain`: files of a missing device or of a missing type; otherwise files of which not
    even the type is known.
    """
    wanted = missing.requirements
    names = {r.device for r in wanted if r.device is not None}
    types = {r.device_type for r in wanted if r.device is None}
    found: set[Problem] = set()
    for name, invalid in lab.invalid.items():
        known = name in names or (invalid.device_type is not None and invalid.device_type in types)
        if known if certain else invalid.device_type is None:
            found |= set(invalid.error.problems)
    return sorted(found)


def natural_key(name: str) -> tuple[list[tuple[int, str]], str]:
    """Return a sort key that puts panda2 before panda10 and differs for each name."""
    parts = re.findall(r"[0-9]+|[^0-9]+", name)
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts], name


def _match(
    needed: Sequence[Requirement], devices: Sequence[Device]
) -> tuple[dict[Requirement, Device], list[frozenset[Requirement]]]:
    """Return a maximum matching, and the set of competitors for each shortage."""
    owner: dict[str, Requirement] = {}
    found: dict[Requirement, Device] = {}
    # Requirements that differ in their index only have the same candidates.
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
    """Assign a device to `start`, reassigning others if needed.

    Return an empty list; or, if that is impossible, the requirements that compete.
    """
    reached_by: dict[str, Requirement] = {}
    queue = [start]
    for requirement in queue:  # it grows; breadth first, for the fewest reassignments
        for device in candidates[_kind(requirement)]:
            if device.name in reached_by:
                continue
            reached_by[device.name] = requirement
            if device.name in owner:
                queue.append(owner[device.name])
            else:
                _reassign(device, reached_by, owner, found)
                return []
    return queue


def _reassign(
    device: Device,
    reached_by: Mapping[str, Requirement],
    owner: dict[str, Requirement],
    found: dict[Requirement, Device],
) -> None:
    """Walk back from a free `device`; each requirement on the way takes the next device."""
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


def _shortage(
    group: Iterable[Requirement],
    needed: Sequence[Requirement],
    devices: Sequence[Device],
    state: str = "",
) -> str:
    """Return a sentence on what the roles of `group` need and which devices exist."""
    roles = {requirement.role for requirement in group}
    competing = [requirement for requirement in needed if requirement.role in roles]
    by_role: dict[str, list[Requirement]] = {}
    for requirement in competing:
        by_role.setdefault(requirement.role, []).append(requirement)
    needs = " and ".join(
        f"role {role} needs {_need(members[0], len(members))}" for role, members in by_role.items()
    )
    names = [device.name for device in devices if any(r.accepts(device) for r in competing)]
    verb = "is" if len(names) == 1 else "are"
    there = f"there {verb} {len(names) or 'none'}" + (f" {state}" if state else "")
    listed = f": {', '.join(names)}" if names else ""
    return f"{needs}; {there}{listed}" + ("" if state else _near_misses(competing, devices))


def _need(requirement: Requirement, count: int) -> str:
    what = f"{count} {requirement.device_type or 'boards'}"
    if requirement.device is not None:
        what = f"the device {requirement.device}"
        if requirement.device_type is not None:
            what += f" as a {requirement.device_type}"
    tags = f" with tags {{{', '.join(sorted(requirement.tags))}}}" if requirement.tags else ""
    return what + tags


def _near_misses(competing: Iterable[Requirement], devices: Sequence[Device]) -> str:
    """Return the devices that fail one condition only: they show the likely mistake."""
    notes: dict[str, None] = {}
    for requirement in competing:
        if requirement.device and not any(d.name == requirement.device for d in devices):
            close = get_close_matches(requirement.device, [d.name for d in devices], 1)
            notes.update({f"did you mean {close[0]}?": None} if close else {})
        for device in devices:
            lacks = ", ".join(sorted(requirement.tags - device.tags))
            right_type = requirement.device_type in (None, device.device_type)
            named = requirement.device == device.name
            if requirement.device is not None and not named:
                continue
            if named and not right_type:
                notes[f"{device.name} is a {device.device_type}"] = None
            elif right_type and lacks:
                notes[f"{device.name} lacks {lacks}"] = None
    return f" ({'; '.join(notes)})" if notes else ""
