"""The definitions of a lava_test_shell action in LAVA's format."""

from __future__ import annotations

import re
import tarfile
from typing import TYPE_CHECKING, Any

from ...errors import InvalidJob
from ...job.source import from_bytes
from ...multinode.api import Api
from ...overlay.definition_source import Kind
from ...overlay.entries import read_entries
from ...overlay.fetch import SourceCache
from ...overlay.load import load_definitions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from ...job.model import ActionSpec, Job
    from ...overlay.entries import DefinitionEntry
    from ...overlay.load import Definition

    Remark = Callable[[str], None]

FORMAT = "Lava-Test Test Definition 1.0"
#: Keys with lists that LAVA's schema allows in a definition inside a job.
_METADATA = ("environment", "devices", "maintainer", "scope", "os")
_INSTALL = ("deps", "git-repos", "keys", "steps", "sources")
#: Options of the calls, and a command, that LAVA does not have.
_BEYOND_LAVA = re.compile(
    "|".join(
        [rf"{api.command}\s+{option.split()[0]}" for api in Api for option in api.spec.options]
        + [r"lava-network\b"]
    )
)


class Definitions:
    """Converts definitions to LAVA's format; `remark` is called with what gets lost.

    Files that only this machine has are written into the job where possible. With `directory`,
    LAVA's dispatcher runs on this machine, too, and gets files as tarballs below it.
    """

    def __init__(
        self, job: Job, scratch: Path, remark: Remark, directory: Path | None = None
    ) -> None:
        self._job = job
        self._cache = SourceCache(scratch / "sources")
        self._remark = remark
        self._directory = directory

    def export(self, spec: ActionSpec) -> list[dict[str, Any]]:
        """Return LAVA's `definitions` of the action; raise the errors of reading them."""
        wrong: list[Any] = []
        found = list(read_entries(spec.parameters, self._job.directory, wrong))
        if wrong:
            path, error = wrong[0]
            raise InvalidJob([spec.position(*path).problem(str(error), error.hint)])
        return [self._export_entry(spec, entry) for entry in found]

    def _export_entry(self, spec: ActionSpec, entry: DefinitionEntry) -> dict[str, Any]:
        source = entry.source
        # LAVA fetches git repositories of other hosts, and of this host if it runs here.
        if source is not None and source.kind == Kind.GIT and (source.remote or self._directory):
            extra = {"revision": source.revision, "branch": source.branch}
            given = {key: value for key, value in extra.items() if value}
            name = entry.name or entry.testdef.rpartition("/")[2].removesuffix(".yaml")
            return {
                "from": "git", "repository": source.location, "path": entry.testdef,
                "name": _name(name), **given, **_parameters(entry.parameters), **_expected(entry),
            }  # fmt: skip
        definition = self._load(spec, entry)
        if definition.files is not None and self._directory is not None:
            return self._packed(definition, entry)
        return self._inline(definition)

    def _load(self, spec: ActionSpec, entry: DefinitionEntry) -> Definition:
        key, index = str(entry.path[0]), int(entry.path[1])
        only = {key: [spec.parameters[key][index]]}

        def position(*path: str | int) -> Any:
            return spec.position(key, index, *path[2:])

        return load_definitions(only, self._job.directory, self._cache, position=position)[0]

    def _packed(self, definition: Definition, entry: DefinitionEntry) -> dict[str, Any]:
        assert self._directory is not None
        assert definition.files is not None
        self._directory.mkdir(parents=True, exist_ok=True)
        path = self._directory / f"{definition.key}.tar.gz"
        if not path.exists():
            with tarfile.open(path, "w:gz", compresslevel=1) as archive:
                archive.add(definition.files, ".")
        return {
            "from": "url", "repository": f"file://{path}", "compression": "gz",
            "path": entry.testdef, "name": _name(definition.test.name),
            **_parameters(definition.parameters), **_expected(entry),
        }  # fmt: skip

    def _inline(self, definition: Definition) -> dict[str, Any]:
        name = _name(definition.test.name)
        data = from_bytes(definition.text, f"{definition.origin}.yaml", self._job.directory).data
        where = f"definition '{name}' ({definition.origin})"
        if definition.files is not None:
            self._remark(
                f"{where}: files next to it are not exported; put it into a git repository"
            )
        if _BEYOND_LAVA.search(definition.text.decode("utf-8", "replace")):
            self._remark(
                f"{where}: it uses lava-network, --next or --timeout, which LAVA does not have"
            )
        repository = dict(self._plain(data, where))
        repository["metadata"]["name"] = name
        if definition.parameters:
            repository["params"] = dict(definition.parameters)
        if definition.test.expected:
            repository["expected"] = list(definition.test.expected)
        return {
            "from": "inline",
            "path": f"inline/{name}.yaml",
            "name": name,
            "repository": repository,
        }

    def _plain(self, data: Mapping[str, Any], where: str) -> Iterator[tuple[str, Any]]:
        """Yield the parts of a definition that LAVA's schema allows in a job."""
        metadata = data.get("metadata") or {}
        header: dict[str, Any] = {"format": FORMAT}
        if description := metadata.get("description"):
            header["description"] = str(description)
        header |= {key: _list(metadata[key]) for key in _METADATA if metadata.get(key)}
        yield "metadata", header
        install = data.get("install") or {}
        if kept := {
            key: _list(value)
            for key, value in install.items()
            if key in _INSTALL or key.startswith("deps-")
        }:
            yield "install", kept
        interpreted = data.get("parse") or {}
        # The schema allows a fixupdict alone, but LAVA's dispatcher fails on it.
        if interpreted.get("pattern") or interpreted.get("fixupdict"):
            text = "parse.pattern, and so fixupdict, is not allowed in a definition inside the job"
            self._remark(f"{where}: {text}; put it into a git repository")
        yield "run", {"steps": _list((data.get("run") or {}).get("steps"))}


def _list(value: Any) -> list[Any]:
    items = value if isinstance(value, list) else [] if value is None else [value]
    return [
        str(item).lower()
        if isinstance(item, bool)
        else item
        if isinstance(item, dict)
        else str(item)
        for item in items
    ]


def _parameters(values: Mapping[str, Any]) -> dict[str, Any]:
    return {"parameters": dict(values)} if values else {}


def _expected(entry: DefinitionEntry) -> dict[str, Any]:
    return {} if entry.expected is None else {"expected": entry.expected}


def _name(name: str) -> str:
    """Return `name` without the characters that LAVA refuses."""
    return re.sub(r"[^-_a-zA-Z0-9.]+", "-", name) or "definition"
