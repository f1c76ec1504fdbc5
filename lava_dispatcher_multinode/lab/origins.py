"""The origin of each value of a device: the layer that has set it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from .device_keys import keys_of, section_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..job.source import Document

DEFAULT = "default"
EMPTY = ("", ())  # defaults that say nothing
Path = tuple[str, ...]


class Layer(NamedTuple):
    """The keys of one layer; `document` has their positions, `name` is shown without one."""

    data: Mapping[str, Any]
    document: Document | None = None
    name: str = DEFAULT


@dataclass(frozen=True)
class Value:
    """A value of a device, and the file and line that set it; `line` is 0 without a file."""

    path: Path
    value: Any
    origin: str = DEFAULT
    line: int = 0

    @property
    def key(self) -> str:
        """The name of the key, such as `boot.timeout`."""
        return ".".join(self.path)

    @property
    def place(self) -> str:
        """The file with the line, or the name of the layer."""
        return f"{self.origin}:{self.line}" if self.line else self.origin


def values(
    section: type, merged: Mapping[str, Any], layers: Sequence[Layer], path: Path = ()
) -> Iterator[Value]:
    """Yield the value of each key of the dataclass `section`, in its order.

    `merged` are the keys that `layers`, lowest first, give together; the others have their
    defaults.
    """
    for field, _ in keys_of(section):
        here = (*path, field.name)
        below = section_of(field.type)
        given = merged.get(field.name)
        if below is not None and (isinstance(given, Mapping) or field.default is not None):
            nested = given if isinstance(given, Mapping) else {}
            yield from values(below, nested, layers, here)
        elif field.name in merged:
            yield _value(here, given, layers)
        elif isinstance(field.default, str | int | float | tuple) and field.default not in (
            "",
            (),
        ):
            yield Value(here, field.default)


def _value(path: Path, value: Any, layers: Sequence[Layer]) -> Value:
    for layer in reversed(layers):
        data: Any = layer.data
        for step in path:
            data = data.get(step) if isinstance(data, Mapping) else None
        if data is None:
            continue
        if layer.document is None:
            return Value(path, value, layer.name)
        at = layer.document.position(path, key=True)
        return Value(path, value, at.file, at.line)
    return Value(path, value)
