"""Loads the classes that packages, this one included, register as entry points.

* `lava_dispatcher.actions`: the command in a job, and a class like `actions.action.Action`;
* `lava_dispatcher.job_parsers`: any name, and a class like `job.parse.JobParser`;
* `lava_dispatcher.device_types`: the device type, and a class like `boards.driver.BoardDriver`;
* `lava_dispatcher.boot_loaders`: the key `bootloader` of a device file, and a class like
  `boards.driver.BootLoader`.

Two packages that register the same name are an error that names both.
"""

from __future__ import annotations

from contextlib import contextmanager
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any

from .errors import InvalidJob

if TYPE_CHECKING:
    from collections.abc import Iterator

ACTIONS = "lava_dispatcher.actions"
JOB_PARSERS = "lava_dispatcher.job_parsers"
DEVICE_TYPES = "lava_dispatcher.device_types"
BOOT_LOADERS = "lava_dispatcher.boot_loaders"


@cache
def entries(group: str) -> dict[str, EntryPoint]:
    """Return the entry points of `group` by name."""
    found: dict[str, EntryPoint] = {}
    for entry in entry_points(group=group):
        other = found.setdefault(entry.name, entry)
        if other.value != entry.value:
            both = f"{origin(other)} and {origin(entry)}"
            message = f"'{entry.name}' comes from two packages: {both}"
            raise error(group, message, "uninstall one of them")
    return found


def load(group: str, name: str, protocol: type | None = None) -> Any:
    """Return the class behind the entry point `name`; KeyError if there is none.

    Raises `InvalidJob` if it does not load, or lacks a member of `protocol`: a method or a
    class attribute. Attributes of instances are not checked.
    """
    entry = entries(group)[name]
    with _load_errors(group, name):
        found = entry.load()
    if protocol is not None and (missing := _missing(found, protocol)):
        message = f"'{name}' of {origin(entry)} lacks {', '.join(missing)}"
        raise error(group, message, f"see {protocol.__module__}.{protocol.__name__}")
    return found


def action(command: str) -> Any:
    """Return a new instance of the action `command`; KeyError if there is none."""
    kind = load(ACTIONS, command)
    with _load_errors(ACTIONS, command):
        return kind()


def origin(entry: EntryPoint) -> str:
    """Return the package and the value of an entry point."""
    package = f"{entry.dist.name} {entry.dist.version}" if entry.dist else "an unnamed package"
    return f"{package} ({entry.value})"


def _missing(found: Any, protocol: type) -> list[str]:
    """Return the public members of `protocol` that the class `found` lacks."""
    own = [name for name, kind in protocol.__annotations__.items() if kind.startswith("ClassVar")]
    names = [*own, *(name for name in vars(protocol) if not name.startswith("_"))]
    return [f"'{name}'" for name in names if not hasattr(found, name)]


@contextmanager
def _load_errors(group: str, name: str) -> Iterator[None]:
    """Turn an exception of a plug-in, or its exit, into an error that names the package."""
    try:
        yield
    except (Exception, SystemExit) as failure:
        reason = f"{type(failure).__name__}: {failure}"
        message = f"'{name}' of {origin(entries(group)[name])} does not load: {reason}"
        raise error(group, message) from failure


def error(group: str, message: str, hint: str = "") -> InvalidJob:
    """Return an error about an entry point of `group`."""
    return InvalidJob.about(f"entry point group {group}", message, hint)
