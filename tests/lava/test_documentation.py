"""The jobs for a group in LAVA's own documentation, where its source is on this machine."""

from __future__ import annotations

import re
import textwrap
from dataclasses import replace
from pathlib import Path

import pytest

from lava_dispatcher_multinode.errors import InvalidJob
from lava_dispatcher_multinode.job.parse import parse
from lava_dispatcher_multinode.job.source import from_bytes
from lava_dispatcher_multinode.lava.export import any_type, export

from .conftest import VERSIONS

BLOCK = re.compile(r"^( *)```yaml[^\n]*\n(.*?)^ *```", re.DOTALL | re.MULTILINE)


def jobs():
    """Yield the directory of a LAVA, the name of an example there, and its text."""
    for root in VERSIONS:
        for path in sorted(Path(root, "doc/v2/examples").rglob("*.yaml")):
            yield root, path.name, path.read_text()
        for path in sorted(Path(root, "doc/content").rglob("*.md")):
            for number, block in enumerate(BLOCK.finditer(path.read_text())):
                yield root, f"{path.name}-{number}.yaml", textwrap.dedent(block[2])


JOBS = [
    (root, name, text)
    for root, name, text in jobs()
    if all(f"{word}:" in text for word in ("job_name", "lava-multinode", "actions"))
]


def read(name, text, directory, *, for_lab):
    """Return the job, boards of any type being known; or None, and why it is refused."""
    try:
        document = from_bytes(text.encode(), name, directory)
        known = replace(document, device_types=any_type(document), for_lab=for_lab)
        return parse(known)[0], []
    except InvalidJob as error:
        return None, [str(problem) for problem in error.problems]


@pytest.mark.skipif(not JOBS, reason="no documentation of LAVA in LAVA_DISPATCHER_PATH")
def test_each_runs_here_or_is_refused_with_the_reason(tmp_path):
    """By file and line: what only a server can make, what is no YAML; most run."""
    found = [read(name, text, tmp_path, for_lab=False) for _, name, text in JOBS]
    said = [problem for _, problems in found for problem in problems]
    assert all(re.match(r"\S+:[0-9]+:[0-9]+: ", problem) for problem in said)
    assert all("secondary connection" in text or "is given twice" in text for text in said)
    assert len([job for job, _ in found if job]) > len(JOBS) / 2


@pytest.mark.skipif(not JOBS, reason="no documentation of LAVA in LAVA_DISPATCHER_PATH")
def test_each_goes_to_a_lab_as_it_is(tmp_path, strictly):
    """What is exported is what LAVA's own schema of that version takes."""
    exported: dict[str, list[str]] = {}
    for root, name, text in JOBS:
        job, said = read(name, text, tmp_path, for_lab=True)
        assert all("is given twice" in problem for problem in said)
        if job is not None:
            exported.setdefault(root, []).append(export(job).text(name))
    for root, texts in exported.items():
        strictly(*texts, paths=[root])
