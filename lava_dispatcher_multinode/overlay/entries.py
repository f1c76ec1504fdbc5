"""The definitions named by the parameters of lava_test_shell; this module fetches nothing."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .definition_source import BadSource, DefinitionSource, file_source, git_source, tar_source

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    Wrong = tuple["tuple[str | int, ...]", BadSource]

DEFAULT_TESTDEF = "lavatest.yaml"


@dataclass(frozen=True)
class DefinitionEntry:
    """A definition as named in the job; `path` is its position in the parameters.

    `source` contains its files (None: it has none); `inline` is the definition
    itself if the job contains it, at `inline_path`.
    """

    path: tuple[str | int, ...]
    source: DefinitionSource | None = None
    testdef: str = DEFAULT_TESTDEF
    inline: Mapping[str, Any] | None = None
    inline_path: tuple[str | int, ...] = ()
    name: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    parameters_path: tuple[str | int, ...] = ()
    expected: Any = None  # overrides the definition's; None: not set


def read_entries(
    parameters: Mapping[str, Any], directory: Path, wrong: list[Wrong]
) -> Iterator[DefinitionEntry]:
    """Yield the definitions named by `parameters`; paths are relative to `directory`.

    Errors are added to `wrong`, with their positions.
    """
    readers = {"testdef_repos": _repository, "testdef_urls": _url, "definitions": _definition}
    for key, read in readers.items():
        for index, value in enumerate(parameters.get(key) or ()):
            path = (key, index)
            try:
                yield read(value, path, directory)
            except BadSource as error:
                wrong.append(((*path, *error.path), error))


def _repository(value: Any, path: tuple[str | int, ...], directory: Path) -> DefinitionEntry:
    value = _mapping(value)
    if "git-repo" in value:
        source = _git(value, "git-repo", directory)
    elif "tar-repo" in value:
        source = _tar(value, "tar-repo", directory)
    elif "bzr-repo" in value:
        raise BadSource("bzr-repo is no longer supported", "use git-repo or tar-repo")
    else:
        raise BadSource("git-repo or tar-repo is missing")
    return DefinitionEntry(
        path, source, _text(value, "testdef", DEFAULT_TESTDEF), **_common(value, path)
    )


def _url(value: Any, path: tuple[str | int, ...], directory: Path) -> DefinitionEntry:
    if not isinstance(value, str):
        raise BadSource("must be a path or a URL")
    return DefinitionEntry(path, file_source(value, directory))


def _definition(value: Any, path: tuple[str | int, ...], directory: Path) -> DefinitionEntry:
    """Read an item of `definitions`: a definition, or LAVA's form of an entry."""
    value = _mapping(value)
    if "from" not in value:
        return DefinitionEntry(path, inline=value, inline_path=path)
    common = _common(value, path)
    match value["from"]:
        case "inline":
            inline = _mapping(value.get("repository"))
            where = (*path, "repository")
            return DefinitionEntry(path, inline=inline, inline_path=where, **common)
        case "git":
            source = _git(value, "repository", directory)
            return DefinitionEntry(path, source, _text(value, "path", DEFAULT_TESTDEF), **common)
        case "url":
            source = _tar(value, "repository", directory)
            return DefinitionEntry(path, source, _text(value, "path", DEFAULT_TESTDEF), **common)
        case other:
            raise BadSource(f"unknown source of a definition: {other!r}", "use inline, git or url")


def _git(value: Mapping[str, Any], key: str, directory: Path) -> DefinitionSource:
    revision, branch = _text(value, "revision", ""), _text(value, "branch", "")
    with _keyed(key):
        return git_source(_text(value, key), directory, revision or None, branch or None)


def _tar(value: Mapping[str, Any], key: str, directory: Path) -> DefinitionSource:
    with _keyed(key):
        return tar_source(_text(value, key), directory)


@contextmanager
def _keyed(key: str) -> Iterator[None]:
    """Attribute errors raised inside to this key, unless they name another."""
    try:
        yield
    except BadSource as error:
        error.key = error.key or key
        raise


def _common(value: Mapping[str, Any], path: tuple[str | int, ...]) -> dict[str, Any]:
    key = "parameters" if "parameters" in value else "params"
    return {
        "name": _text(value, "name", "") or None,
        "parameters": _mapping(value.get(key) or {}),
        "parameters_path": (*path, key),
        "expected": value.get("expected"),
    }


def _mapping(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise BadSource("must be a mapping")
    return value


def _text(value: Mapping[str, Any], key: str, default: str | None = None) -> str:
    found = value.get(key, default)
    if isinstance(found, int) and not isinstance(found, bool):
        found = str(found)  # a revision of digits only
    if not isinstance(found, str):
        raise BadSource(f"{key} must be a text" if key in value else f"{key} is missing")
    return found
