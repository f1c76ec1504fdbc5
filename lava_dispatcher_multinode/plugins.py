"""What other packages can add, through entry points.

* `lava_dispatcher.actions`: the command in a job, and a class like `actions.action.Action`;
* `lava_dispatcher.job_parsers`: any name, and a class like `job.job_parser.JobParser`;
* `lava_dispatcher.device_types`: the device type, and a class like `DeviceType`.

This package's own are found the same way; nothing is registered twice, so two
entries with one name are an error that names both packages.
"""

from __future__ import annotations

from contextlib import contextmanager
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from .errors import InvalidJob

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
ACTIONS = "lava_dispatcher.actions"
JOB_PARSERS = "lava_dispatcher.job_parsers"
DEVICE_TYPES = "lava_dispatcher.device_types"


class DeviceType(Protocol):
    """A kind of board: the lowest layer of its device files, and its driver."""

    aliases: ClassVar[Sequence[str]]
    defaults: ClassVar[Mapping[str, Any]]  # as a device file's content


@cache
def entries(group: str) -> dict[str, EntryPoint]:
    """Return the entry points of `group` by name."""
    found: dict[str, EntryPoint] = {}
    for entry in entry_points(group=group):
        other = found.setdefault(entry.name, entry)
        if other.value != entry.value:
            both = f"{_origin(other)} and {_origin(entry)}"
            message = f"'{entry.name}' comes from two packages: {both}"
            raise _wrong(group, message, "uninstall one of them")
    return found


def load(group: str, name: str) -> Any:
    """Return the class behind the entry `name`; KeyError if there is none."""
    entry = entries(group)[name]
    with _blamed(group, name):
        return entry.load()


def action(command: str) -> Any:
    """Return a new instance of the action `command`; KeyError if there is none."""
    kind = load(ACTIONS, command)
    with _blamed(ACTIONS, command):
        return kind()


def device_type_names() -> dict[str, str]:
    """Return every known name of a device type, aliases too, to its proper name."""
    names: dict[str, str] = {}
    for name in entries(DEVICE_TYPES):
        names[name] = name
        kind = load(DEVICE_TYPES, name)
        with _blamed(DEVICE_TYPES, name):
            for alias in kind.aliases:
                names.setdefault(alias, name)
    return names


def device_type_by_name(device: str) -> str | None:
    """Return the proper name of the type that the name of `device` begins with, if any."""
    known = device_type_names()
    fitting = [name for name in known if device.startswith(name)]
    return known[max(fitting, key=len)] if fitting else None


@contextmanager
def _blamed(group: str, name: str) -> Iterator[None]:
    """Tell whose fault it is when somebody's code fails, or leaves: a script as a module, say."""
    try:
        yield
    except (Exception, SystemExit) as error:
        reason = f"{type(error).__name__}: {error}"
        message = f"'{name}' of {_origin(entries(group)[name])} does not load: {reason}"
        raise _wrong(group, message) from error


def _origin(entry: EntryPoint) -> str:
    package = f"{entry.dist.name} {entry.dist.version}" if entry.dist else "an unnamed package"
    return f"{package} ({entry.value})"


def _wrong(group: str, message: str, hint: str = "") -> InvalidJob:
    return InvalidJob.about(f"entry point group {group}", message, hint)
