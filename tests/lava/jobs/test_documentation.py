"""The group jobs of LAVA's own documentation, if the package is on this machine."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from lava_dispatcher_multinode.errors import InvalidJob
from lava_dispatcher_multinode.job.parse import parse_job
from lava_dispatcher_multinode.job.source import from_bytes
from lava_dispatcher_multinode.lava.export.exporter import export_job, named_types

from ...needs import lava_documents, require

#: In Debian 12: two for devices, and two with connections that only a server supports.
BOARDS = {"first-multinode-job.yaml", "second-multinode-job.yaml"}
SECONDARY = {"bbb-lxc-ssh-guest.yaml", "mustang-ssh-guest.yaml"}


def read(name, text, directory, *, for_lab):
    """Return the job, with any device type known; or None, and why it is refused."""
    try:
        document = from_bytes(text.encode(), name, directory)
        known = replace(document, device_types=named_types(document), for_lab=for_lab)
        return parse_job(known)[0], []
    except InvalidJob as error:
        return None, [str(problem) for problem in error.problems]


@pytest.fixture
def jobs():
    """The jobs of each LAVA; skip if no documentation is unpacked."""
    require("LAVA's documentation")
    found = [
        (path.name, path.read_text())
        for directory in lava_documents()
        for path in sorted(directory.glob("*.yaml"))
        if "lava-multinode:" in path.read_text()
    ]
    assert {name for name, _ in found} == BOARDS | SECONDARY
    return found


def test_each_runs_here_or_is_refused_with_the_reason(jobs, tmp_path):
    """By file and line: what only a server supports, and invalid YAML; the others run."""
    for name, text in jobs:
        job, said = read(name, text, tmp_path, for_lab=False)
        assert (job is None) == (name in SECONDARY)
        for problem in said:
            assert re.match(r"\S+:[0-9]+:[0-9]+: ", problem)
            assert "secondary connection" in problem or "is duplicated" in problem


def test_each_goes_to_a_lab_as_it_is(jobs, tmp_path, strictly):
    """The exported job passes the schema of each LAVA version."""
    for name, text in jobs:
        job, said = read(name, text, tmp_path, for_lab=True)
        assert all("is duplicated" in problem for problem in said)
        # The schema refuses the secondary connections of LAVA's own documents.
        if name in BOARDS:
            strictly(export_job(job).text(name))
