"""A user's JSON or YAML file as plain data, with the position of each value."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InvalidJob, Problem
from . import json_reader
from .model import Position
from .tree import Lines, ParseError, PositionedValue

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .tree import Path as DataPath

MAX_FILE_BYTES = 1 << 20
STDIN = "-"


@dataclass(frozen=True)
class Document:
    """The content of a file.

    `data` consists of dict (with str keys), list, str, int, float, bool and None. It is read-only:
    YAML aliases share parts of it. `device_types` (name -> proper name) are known in addition to
    the installed ones. `for_lab`: a LAVA server will run the job, not this machine.
    """

    data: Any
    file: str  # as the user wrote it; `-` is standard input
    directory: Path  # absolute; base of relative paths in the file
    tree: PositionedValue
    lines: Lines
    device_types: Mapping[str, str] = field(default_factory=dict)
    for_lab: bool = False

    def position(self, path: DataPath = (), *, key: bool = False) -> Position:
        """Return the position of the value at `path`, or with `key` of its key.

        If the file does not have `path`, return the position of the nearest enclosing value.
        """
        here = self.tree
        index = here.index
        for step in path:
            child = here.child(step)
            if child is None:
                break
            index = here.keys.get(str(step), child.index) if key else child.index
            here = child
        return Position(self.file, *self.lines.place(index))

    def positions(self, path: DataPath) -> dict[DataPath, Position]:
        """Return the position of every value inside the one at `path`, by the path from there."""
        here: PositionedValue | None = self.tree
        for step in path:
            here = here.child(step) if here else None
        found: dict[DataPath, Position] = {}
        waiting: list[tuple[DataPath, PositionedValue]] = [((), here)] if here else []
        while waiting:
            way, value = waiting.pop()
            found[way] = Position(self.file, *self.lines.place(value.index))
            waiting += [((*way, step), part) for step, part in value.parts()]
        return found

    def problem(
        self,
        message: str,
        path: DataPath = (),
        *,
        key: bool = False,
        hint: str = "",
        warning: bool = False,
    ) -> Problem:
        """Return a `Problem` at the position of `path`."""
        return self.position(path, key=key).problem(message, hint, warning=warning)

    def with_top(self, **values: Any) -> Document:
        """Return the document with other values for some top-level keys."""
        return replace(self, data={**self.data, **values})


def load(path: str | Path) -> Document:
    """Read `path`, or standard input for `-`.

    The file is JSON if the name ends in .json, YAML if it ends in .yaml or .yml; otherwise the
    first character decides. Raises `InvalidJob` if the file cannot be read, is larger than
    `MAX_FILE_BYTES`, not UTF-8, or malformed; duplicate keys are all reported at once.
    """
    file = str(path)
    try:
        if file == STDIN:
            data = sys.stdin.buffer.read(MAX_FILE_BYTES + 1)
            directory = Path.cwd()
        else:
            with Path(path).open("rb") as stream:
                data = stream.read(MAX_FILE_BYTES + 1)
            directory = Path(path).absolute().parent
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = getattr(error, "strerror", None) or str(error)
        raise InvalidJob.about(file, f"cannot read it: {reason}") from error
    return from_bytes(data, file, directory)


def from_bytes(data: bytes, file: str, directory: Path) -> Document:
    """Parse the content of a file named `file`; otherwise like `load`."""
    text = _decode(data, file)
    lines = Lines(text)
    try:
        tree, faults = _read(text, lines, file)
        if tree is None or tree.data is None:
            raise InvalidJob.about(file, "the file is empty")
    except ParseError as fault:
        faults = [fault]
    if faults:
        raise InvalidJob(
            [
                Problem(file, *lines.place(fault.index), fault.message, fault.hint)
                for fault in sorted(faults, key=lambda fault: fault.index)
            ]
        )
    assert tree is not None
    return Document(tree.data, file, directory, tree, lines)


def _read(text: str, lines: Lines, file: str) -> tuple[PositionedValue | None, list[ParseError]]:
    start = text.lstrip()
    if not start:
        return None, []
    suffix = Path(file).suffix.lower()
    if suffix == ".json" or (suffix not in {".yaml", ".yml"} and start[0] in "{["):
        return json_reader.read_json(text, lines)
    from . import yaml_reader

    return yaml_reader.read_yaml(text, lines)


def _decode(data: bytes, file: str) -> str:
    if len(data) > MAX_FILE_BYTES:
        raise InvalidJob.about(file, f"larger than {MAX_FILE_BYTES} bytes")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise InvalidJob([Problem(file, 1, 1, "the file is UTF-16", "save it as UTF-8")])
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # error.start counts from after a byte order mark, if there is one.
        good = error.object[: error.start].decode()
        line, column = Lines(good + "?").place(len(good))
        byte = error.object[error.start]
        raise InvalidJob(
            [Problem(file, line, column, f"byte 0x{byte:02x} is not UTF-8", "save it as UTF-8")]
        ) from None
