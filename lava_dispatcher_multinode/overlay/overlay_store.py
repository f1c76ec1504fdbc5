"""The overlays of a job: definitions and tarballs are built once, not once per board."""

from __future__ import annotations

import json
import os
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from .fetch import SourceCache
from .layout import board_directory
from .load import Definition, load_definitions
from .tarball import write_tarball

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..job.model import ActionSpec, Job


class OverlayStore:
    """Fetches definitions and builds tarballs below `directory`, which the caller removes.

    Thread-safe: concurrent requests for the same item wait for one build.
    """

    def __init__(self, directory: Path, job: Job, job_id: str) -> None:
        board_directory(job_id)  # raises for an invalid ID
        self._job = job
        self._job_id = job_id
        self._directory = directory
        self._cache = SourceCache(directory / "sources")
        self._lock = threading.Lock()
        self._loaded: dict[object, list[Definition]] = {}
        self._built: dict[object, Path] = {}

    def definitions(self, action: ActionSpec, *, remote: bool = True) -> list[Definition]:
        """Return the definitions of a `lava_test_shell` action of the job.

        See `load_definitions` for `remote` and errors.
        """
        parameters = action.parameters
        key = (json.dumps(parameters, sort_keys=True, default=str), remote)
        with self._lock:
            if key not in self._loaded:
                self._loaded[key] = load_definitions(
                    parameters,
                    self._job.directory,
                    self._cache,
                    position=action.position,
                    remote=remote,
                )
            return self._loaded[key]

    def tarball(self, stages: Mapping[int, Sequence[Definition]]) -> Path:
        """Return a gzip tar for the root of a board: scripts and `stages`.

        Equal stages return the same file.
        """
        key = tuple(
            (stage, *(definition.key for definition in definitions))
            for stage, definitions in sorted(stages.items())
        )
        with self._lock:
            if key not in self._built:
                self._built[key] = self._build(stages)
            return self._built[key]

    def _build(self, stages: Mapping[int, Sequence[Definition]]) -> Path:
        self._directory.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(".tar.gz", "overlay-", self._directory)
        with os.fdopen(descriptor, "wb") as stream:
            write_tarball(self._job_id, stages, stream)
        return Path(name)
