"""Loading of a lava_test_shell action's definitions: fetch, parse and check."""

from __future__ import annotations

import hashlib
import json
import os
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InfrastructureError, InvalidJob, Problem
from ..job.hints import suggest
from ..job.model import Position
from ..job.source import MAX_FILE_BYTES, from_bytes
from .definition import TestDefinition, parse_definition, read_expected, read_parameters
from .definition_source import BadSource, DefinitionSource, Kind, git_source
from .entries import read_entries
from .layout import MAX_DEPTH

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from .entries import DefinitionEntry, Wrong
    from .fetch import SourceCache

    Where = Callable[..., Position]

MAX_LISTED_FILES = 10_000  # files searched for a hint about a wrong name
MAX_SCRIPT_BYTES = 1 << 18  # of a script that is searched for MultiNode calls
_NOWHERE = Path("/nonexistent")


@dataclass(frozen=True)
class Definition:
    """A definition that is ready for delivery to a board.

    `parameters` are the shell variables with the job's values, `text` is its file,
    `files` the directory with its other files, `message_prefix` stands before their names
    in messages, `folder` the definition's directory within `files`, and
    `repositories` maps further directories to their names below it.
    Definitions with equal `key` have equal content.
    """

    test: TestDefinition
    text: bytes
    origin: str  # for messages
    parameters: Mapping[str, str] = field(default_factory=dict)
    files: Path | None = None
    message_prefix: str = ""
    folder: str = ""
    repositories: tuple[tuple[str, Path], ...] = ()
    key: str = ""

    def script(self, name: str) -> tuple[str, str] | None:
        """Return the name in messages and the text of the script that a step calls `name`.

        None if there is no such file. Steps start in the top directory of the files and
        usually change to the definition's directory.
        """
        if self.files is None:
            return None
        for folder in dict.fromkeys((self.folder, "")):
            try:
                file = _inside(self.files, f"{folder}/{name}" if folder else name)
                if file is not None and file.is_file():
                    with file.open("rb") as stream:
                        text = stream.read(MAX_SCRIPT_BYTES + 1)
                    if len(text) > MAX_SCRIPT_BYTES:
                        return None
                    label = f"{self.message_prefix}{file.relative_to(self.files.resolve())}"
                    return label, text.decode(errors="replace")
            except (OSError, ValueError, RuntimeError):
                return None
        return None


def load_definitions(
    parameters: Mapping[str, Any],
    job_directory: Path,
    cache: SourceCache,
    *,
    position: Where | None = None,
    remote: bool = True,
) -> list[Definition]:
    """Return the definitions that the parameters of a lava_test_shell action name.

    `position(*path)` returns the position of a part of the parameters in the job file
    (`ActionSpec.position`). Without `remote`, sources that need the network are
    omitted.

    Raises `InvalidJob` with the errors of all definitions, `InfrastructureError`
    for the first that cannot be fetched.
    """
    where = position or (lambda *_: Position("job"))
    wrong: list[Wrong] = []
    problems: list[Problem] = []
    found = []
    for entry in read_entries(parameters, job_directory, wrong):
        try:
            if remote or entry.source is None or not entry.source.remote:
                found.append(_load(entry, cache, where, remote))
        except BadSource as error:
            wrong.append(((*entry.path, *error.path), error))
        except InvalidJob as error:
            problems += error.problems
        except InfrastructureError as error:
            problem = where(*entry.path).problem(f"cannot fetch {entry.source}: {error}")
            raise InfrastructureError(str(problem)) from error
    problems += [where(*path).problem(str(bad), bad.hint) for path, bad in wrong]
    if problems:
        raise InvalidJob(sorted(problems))
    return found


def _load(entry: DefinitionEntry, cache: SourceCache, where: Where, remote: bool) -> Definition:
    given = read_parameters(entry.parameters, lambda *path: where(*entry.parameters_path, *path))
    files, prefix = None, ""
    if entry.inline is not None:
        at = where(*entry.path)
        origin = f"{at.file}:{at.line}" if at.line else at.file
        test = parse_definition(
            entry.inline, lambda *path: where(*entry.inline_path, *path), entry.name
        )
        text = json.dumps(entry.inline, indent=1).encode()  # JSON is YAML, too
    else:
        assert entry.source is not None
        fetched = cache.fetch(entry.source)
        if entry.source.kind == Kind.FILE:
            file, origin = fetched, str(entry.source)
        else:
            files, file = fetched, _definition_file(fetched, entry.testdef)
            local = entry.source.kind == Kind.DIRECTORY
            prefix = f"{files}/" if local else f"{entry.source}:"
            origin = str(file) if local else f"{prefix}{entry.testdef}"
        text = _read(file, origin)
        document = from_bytes(text, origin, file.parent)
        test = parse_definition(document.data, lambda *path: document.position(path), entry.name)
    if entry.expected is not None:
        cases = read_expected(entry.expected, lambda *path: where(*entry.path, "expected", *path))
        test = replace(test, expected=cases)
    values = {**test.params, **given}
    trusted = entry.source is None or not entry.source.remote
    sources = _repositories(test, where(*entry.path), trusted=trusted)
    fetched_too = tuple(
        (name, cache.fetch(source)) for name, source in sources if remote or not source.remote
    )
    key = _key(text, test.name, sorted(values.items()), entry.source, sources)
    folder = os.path.dirname(os.path.normpath(entry.testdef)) if files is not None else ""  # noqa: PTH120
    return Definition(test, text, origin, values, files, prefix, folder, fetched_too, key)


def _repositories(
    test: TestDefinition, at: Position, *, trusted: bool
) -> list[tuple[str, DefinitionSource]]:
    """Return the definition's `install.git-repos`, by their names beside its files.

    Only a definition on this host (`trusted`) may name paths of this host.
    """
    found = []
    for repository in test.repositories:
        base = Path(at.file).absolute().parent if trusted else _NOWHERE
        source = git_source(repository.url, base, branch=repository.branch)
        name = repository.destination or re.split(r"[/:]", repository.url.rstrip("/"))[-1]
        name = os.path.normpath(name.removesuffix(".git"))
        if not trusted and not source.remote:
            raise BadSource(f"install.git-repos of '{test.name}': {repository.url!r} is not a URL")
        if name.startswith(("/", "..")) or name == ".":
            raise BadSource(f"install.git-repos of '{test.name}': destination {name!r} is outside")
        found.append((name, source))
    return found


def _definition_file(root: Path, name: str) -> Path:
    """Return the path of the definition `name` in `root`."""
    try:
        file = _inside(root, name)
    except (OSError, RuntimeError, ValueError):  # RuntimeError: circular links
        file = None
    if file is None:
        raise BadSource(f"testdef {name!r} is outside of its repository", key="testdef")
    if not file.is_file():
        hint = suggest(name, _yaml_files(root), what="its YAML files")
        text = f"there is no test definition {name!r}"
        raise BadSource(text, hint or "the repository has no YAML file", key="testdef")
    return file


def _inside(root: Path, name: str) -> Path | None:
    """Return the path of `name` in `root`, links resolved; None if it is outside."""
    file = (root / name).resolve()
    return file if file.is_relative_to(root.resolve()) else None


def _yaml_files(root: Path) -> Iterator[str]:
    """Yield the YAML files below `root`; stop after `MAX_LISTED_FILES`."""
    seen = 0
    for directory, folders, names in os.walk(root):
        deep = len(Path(directory).relative_to(root).parts) >= MAX_DEPTH
        folders[:] = sorted(name for name in folders if name != ".git" and not deep)
        for name in names:
            seen += 1
            if name.endswith((".yaml", ".yml")):
                yield os.path.relpath(Path(directory, name), root)
        if seen > MAX_LISTED_FILES:
            return


def _read(file: Path, origin: str) -> bytes:
    try:
        with file.open("rb") as stream:
            return stream.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise InvalidJob.about(origin, f"cannot read the file: {error.strerror}") from error


def _key(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()
