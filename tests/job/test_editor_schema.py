"""The schema for editors agrees with the parser."""

import json

import pytest
from jsonschema import Draft202012Validator

from lava_dispatcher_multinode.errors import InvalidJob
from lava_dispatcher_multinode.job.editor_schema import job_schema


def test_it_is_a_schema_that_editors_can_read():
    """Valid draft 2020-12, plain JSON, with a description of every property."""
    schema = job_schema()
    Draft202012Validator.check_schema(json.loads(json.dumps(schema)))
    assert all(
        "description" in value or "$ref" in value for value in schema["properties"].values()
    )


def test_the_seed_is_valid(seed):
    """The first user's job has no error in an editor."""
    Draft202012Validator(job_schema()).validate(seed)


def change(job, what):
    """Return `job` after a change written as Python."""
    exec(what, {"job": job, "first": job["actions"][0], "entry": job["device_group"][0]})
    return job


@pytest.mark.parametrize(
    ("what", "good"),
    [
        ("first['command'] = 'nothing'", False),
        ("del first['parameters']", False),
        ("del first['parameters']['image']", False),
        ("first['parameters']['timeout'] = -1", True),
        ("first['parameters']['timeout'] = 0", False),
        ("first['parameters']['role'] = ['omap3', 'omap4']", True),
        ("first['parameters']['imag'] = 'x'", False),
        ("job['actions'] = [{'command': 'boot_linaro_image'}]", True),
        ("job['actions'] = [{'command': 'boot_linaro_image', 'parameters': None}]", True),
        ("job['actions'] = [{'command': 'lava_test_shell'}]", False),
        ("entry['count'] = 0", False),
        ("entry['device'] = 'p1'", False),
        ("entry.update(count=1, device='p1'), entry.pop('device_type')", True),
        ("entry['tags'].append('mytag1')", False),
        ("job['zzz'] = 1", True),
        ("del job['timeout']", False),
    ],
)
def test_editor_and_parser_agree(seed, read, what, good):
    """Both refuse the same jobs."""
    job = change(seed, what)
    assert Draft202012Validator(job_schema()).is_valid(job) is good
    try:
        read(job)
    except InvalidJob:
        assert not good
    else:
        assert good
