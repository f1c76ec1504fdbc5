"""A test definition ("Lava-Test Test Definition 1.0") as plain frozen data.

Unknown keys are ignored, as in LAVA: definitions contain notes for other tools.
Known keys must have the correct form.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..errors import InvalidJob, Problem
from ..job.hints import join_words
from ..job.model import RESULTS

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..job.model import Position

    Where = Callable[..., Position]

FORMAT = re.compile(r"Lava-Test(-Shell)? Test Definition 1\.\d+")
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True)
class GitRepository:
    """An entry of `install.git-repos`, fetched and added to the definition's files."""

    url: str
    branch: str | None = None
    destination: str = ""  # a directory below the definition's; default: from the URL


@dataclass(frozen=True)
class TestDefinition:
    """The content of a definition.

    `params` maps a shell variable to its default, `distribution_dependencies`
    the ID of a distribution to its packages, and `fixupdict` the test's result words
    to pass, fail, skip or unknown. `expected` lists the test cases that it must
    report, no more and no fewer; empty: any.
    """

    __test__ = False  # keeps pytest from collecting it

    name: str
    description: str = ""
    params: Mapping[str, str] = field(default_factory=dict)
    keys: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    dependencies: tuple[str, ...] = ()
    distribution_dependencies: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    install_steps: tuple[str, ...] = ()
    repositories: tuple[GitRepository, ...] = ()
    steps: tuple[str, ...] = ()
    pattern: str | None = None
    fixupdict: Mapping[str, str] = field(default_factory=dict)
    expected: tuple[str, ...] = ()
    #: Positions of `install_steps`, followed by those of `steps`.
    places: tuple[Position, ...] = field(default=(), compare=False)


def parse_definition(data: Any, where: Where, name: str | None = None) -> TestDefinition:
    """Return the definition in `data`; `where(*path)` returns the position of a part of it.

    `name` is the job's name for it and overrides the definition's. Raises
    `InvalidJob` with all errors.
    """
    reader = _DefinitionReader(where)
    top = reader.mapping(data)
    if reader.problems:
        raise InvalidJob(reader.problems)
    metadata = reader.mapping(top.get("metadata"), "metadata")
    install = reader.mapping(top.get("install"), "install")
    run = reader.mapping(top.get("run"), "run")
    interpreted = reader.mapping(top.get("parse"), "parse")
    if "run" not in top:
        reader.wrong("the definition has no 'run'", hint="add run: {steps: [...]}")
    elif isinstance(top["run"], Mapping | None) and "steps" not in run:
        has = f"it has: {', '.join(map(str, run))[:200]}" if run else "the steps for the board"
        reader.wrong("run has no 'steps'", "run", hint=has)
    _check_format(reader, metadata)
    install_steps = reader.texts(install.get("steps"), "install", "steps")
    steps = reader.texts(run.get("steps"), "run", "steps")
    definition = TestDefinition(
        name=name or _name(reader, metadata),
        description=str(metadata.get("description") or ""),
        params=_params(reader, top),
        keys=reader.texts(install.get("keys"), "install", "keys"),
        sources=reader.texts(install.get("sources"), "install", "sources"),
        dependencies=reader.texts(install.get("deps"), "install", "deps"),
        distribution_dependencies={
            key.removeprefix("deps-"): reader.texts(value, "install", key)
            for key, value in install.items()
            if key.startswith("deps-")
        },
        install_steps=install_steps,
        repositories=_repositories(reader, install.get("git-repos")),
        steps=steps,
        pattern=_pattern(reader, interpreted),
        fixupdict=_fixups(reader, interpreted),
        expected=_expected(reader, top.get("expected"), "expected"),
        places=(
            *(where("install", "steps", index) for index in range(len(install_steps))),
            *(where("run", "steps", index) for index in range(len(steps))),
        ),
    )
    if reader.problems:
        raise InvalidJob(sorted(reader.problems))
    return definition


def read_parameters(values: Any, where: Where) -> dict[str, str]:
    """Return the `parameters` of a job's entry: shell variables and their values."""
    reader = _DefinitionReader(where)
    found = _variables(reader, values)
    if reader.problems:
        raise InvalidJob(sorted(reader.problems))
    return found


def read_expected(value: Any, where: Where) -> tuple[str, ...]:
    """Return the test case IDs in `expected` of a job's entry."""
    reader = _DefinitionReader(where)
    found = _expected(reader, value)
    if reader.problems:
        raise InvalidJob(sorted(reader.problems))
    return found


class _DefinitionReader:
    """Reads parts of the data and collects their errors."""

    def __init__(self, where: Where) -> None:
        self.problems: list[Problem] = []
        self._where = where

    def wrong(self, message: str, *path: str | int, hint: str = "") -> None:
        self.problems.append(self._where(*path).problem(message, hint))

    def mapping(self, value: Any, *path: str | int) -> Mapping[str, Any]:
        if value is None:
            return {}
        if isinstance(value, Mapping):
            return value
        self.wrong(f"{path[-1] if path else 'a test definition'} must be a mapping", *path)
        return {}

    def texts(self, value: Any, *path: str | int) -> tuple[str, ...]:
        """Return a list of strings; a single string is a list of one, null an empty list."""
        if value is None:
            return ()
        items = value if isinstance(value, list) else [value]
        found = []
        for index, item in enumerate(items):
            if isinstance(item, Mapping | list):
                place = (*path, index) if isinstance(value, list) else path
                hint = "put the text in quotes: YAML reads 'a: b' as a mapping"
                self.wrong(f"{path[-1]} must be a list of texts", *place, hint=hint)
            elif item is not None:
                # `- true` and `- false` are commands here, not booleans.
                found.append(str(item).lower() if isinstance(item, bool) else str(item))
        return tuple(found)

    def scalars(self, value: Any, *path: str | int) -> dict[str, str]:
        """Return a mapping of strings."""
        found = {}
        for key, item in self.mapping(value, *path).items():
            if isinstance(item, Mapping | list):
                self.wrong(f"'{key}' must be a text or a number", *path, key)
            else:
                found[str(key)] = "" if item is None else str(item)
        return found


def _name(reader: _DefinitionReader, metadata: Mapping[str, Any]) -> str:
    name = metadata.get("name")
    if name is None or not str(name).strip():
        reader.wrong("metadata has no name", "metadata", hint="results are listed under it")
    return str(name)


def _check_format(reader: _DefinitionReader, metadata: Mapping[str, Any]) -> None:
    given = metadata.get("format")
    if given is not None and not FORMAT.match(str(given)):
        hint = "Lava-Test Test Definition 1.0"
        reader.wrong(f"unknown format {str(given)[:80]!r}", "metadata", "format", hint=hint)


def _params(reader: _DefinitionReader, top: Mapping[str, Any]) -> dict[str, str]:
    key = "params" if "params" in top else "parameters"
    return _variables(reader, top.get(key), key)


def _variables(reader: _DefinitionReader, values: Any, *path: str | int) -> dict[str, str]:
    found = reader.scalars(values, *path)
    for key in [key for key in found if not VARIABLE.fullmatch(key)]:
        hint = "letters, digits and '_', no digit first"
        reader.wrong(f"{key!r} cannot be a shell variable", *path, key, hint=hint)
        del found[key]
    return found


def _repositories(reader: _DefinitionReader, values: Any) -> tuple[GitRepository, ...]:
    path = ("install", "git-repos")
    found = []
    for index, value in enumerate(values if isinstance(values, list) else [values]):
        if isinstance(value, Mapping) and isinstance(value.get("url"), str):
            branch = value.get("branch")
            if str(value.get("skip_by_default", False)).lower() != "true":
                destination = str(value.get("destination") or "")
                found.append(GitRepository(value["url"], branch and str(branch), destination))
        elif isinstance(value, str):
            found.append(GitRepository(value))
        elif value is not None:
            reader.wrong("git-repos must be a list of URLs, or of {url, branch}", *path, index)
    return tuple(found)


def _fixups(reader: _DefinitionReader, interpreted: Mapping[str, Any]) -> dict[str, str]:
    path = ("parse", "fixupdict")
    found = reader.scalars(interpreted.get("fixupdict"), *path)
    for word, result in found.items():
        if result.lower() not in RESULTS:
            hint = join_words(RESULTS)
            reader.wrong(
                f"'{word}' becomes {result!r}, which is no result", *path, word, hint=hint
            )
    return found


def _expected(reader: _DefinitionReader, value: Any, *path: str | int) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list):
        hint = "expected: [one-case, another-case]"
        reader.wrong("expected must be a list of test case IDs", *path, hint=hint)
        return ()
    for index, case in enumerate(value):
        if not isinstance(case, str):
            hint = "put it in quotes"
            reader.wrong("the ID of an expected test case must be a text", *path, index, hint=hint)
    return tuple(case for case in value if isinstance(case, str))


def _pattern(reader: _DefinitionReader, interpreted: Mapping[str, Any]) -> str | None:
    pattern = interpreted.get("pattern")
    if pattern is None:
        return None
    try:
        with warnings.catch_warnings(action="ignore"):  # of changes in future versions of Python
            groups = re.compile(str(pattern)).groupindex
    except (re.error, RecursionError, OverflowError) as error:
        reader.wrong(f"not a regular expression: {error}", "parse", "pattern")
        return None
    if "test_case_id" not in groups or not {"result", "measurement"} & groups.keys():
        hint = "write (?P<test_case_id>...) and (?P<result>...) or (?P<measurement>...)"
        reader.wrong("the pattern has no groups for results", "parse", "pattern", hint=hint)
    return str(pattern)
