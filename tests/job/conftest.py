"""Stand-ins for the plug-ins, so that these tests cover job/ alone."""

from __future__ import annotations

import json
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from lava_dispatcher_multinode import plugins
from lava_dispatcher_multinode.errors import InvalidJob
from lava_dispatcher_multinode.job.device_group import DeviceGroupParser
from lava_dispatcher_multinode.job.parse import parse_job
from lava_dispatcher_multinode.job.single_board import SingleBoardParser
from lava_dispatcher_multinode.job.source import from_bytes

SEED = Path(__file__).parents[1] / "data" / "seed.json"


def _action(properties, *required, **more):
    schema = {"type": "object", "additionalProperties": False, "properties": properties, **more}
    return type("FakeAction", (), {"parameters_schema": {**schema, "required": list(required)}})


_REPO = {
    "type": "object",
    "additionalProperties": False,
    "properties": {key: {"type": "string"} for key in ("git-repo", "tar-repo", "testdef")},
    "oneOf": [{"required": ["git-repo"]}, {"required": ["tar-repo"]}],
}


def registry():
    """Return group -> name -> class, like an installation."""
    shell = {
        "testdef_repos": {"type": "array", "minItems": 1, "items": _REPO},
        "testdef_urls": {"type": "array", "items": {"type": "string"}},
        "definitions": {"type": "array", "items": {"type": "object"}},
    }
    call = {
        "request": {"enum": ["lava-send", "lava-sync", "lava-wait", "lava-wait-all"]},
        "message_id": {"type": "string", "pattern": r"^\S+$", "description": "One word."},
        "message": {"type": "object", "propertyNames": {"pattern": "^[a-z]+$"}},
        "waitrole": {"type": "string", "format": "role"},
    }
    return {
        plugins.ACTIONS: {
            "boot_linaro_image": _action({}),
            "deploy_linaro_image": _action({"image": {"type": "string"}}, "image"),
            "lava_test_shell": _action(shell, anyOf=[{"required": [key]} for key in shell]),
            "multinode": _action(call, "request", "message_id"),
        },
        plugins.DEVICE_TYPES: {},
        plugins.JOB_PARSERS: {
            "device_group": DeviceGroupParser,
            "single_board": SingleBoardParser,
        },
    }


@pytest.fixture(autouse=True)
def installed(monkeypatch):
    """Install the stand-ins; a test may add to the mapping that it gets."""
    groups = registry()

    def entries(group):
        return {
            name: EntryPoint(name, f"{cls.__module__}:{cls.__name__}", group)
            for name, cls in groups[group].items()
        }

    monkeypatch.setattr(plugins, "entries", entries)
    monkeypatch.setattr(plugins, "load", lambda group, name, protocol=None: groups[group][name])
    return groups


@pytest.fixture
def seed():
    """Return the first user's job, as data."""
    return json.loads(SEED.read_text())


@pytest.fixture
def read():
    """Return a function that parses a job given as data or text, to job and warnings."""

    def read(job, *, target=None, file="job.json"):
        text = job if isinstance(job, str) else json.dumps(job, indent=1)
        return parse_job(from_bytes(text.encode(), file, Path("/somewhere")), target)

    return read


@pytest.fixture
def refused(read):
    """Return a function that parses an invalid job, to its problems as text."""

    def refused(job, **options):
        with pytest.raises(InvalidJob) as caught:
            read(job, **options)
        return [str(problem) for problem in caught.value.problems]

    return refused
