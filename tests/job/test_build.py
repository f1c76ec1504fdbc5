"""Top-level keys, which all jobs share."""

import json
from pathlib import Path

import pytest

from lava_dispatcher_multinode.job.build import make_partial_job
from lava_dispatcher_multinode.job.source import from_bytes


def job(**more):
    """Return the smallest job, with these top-level keys."""
    return {"target": "p", "timeout": 60, "actions": [{"command": "boot_linaro_image"}], **more}


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"timeout": 0}, "'timeout' must be more than 0, not 0"),
        ({"timeout": -5}, "'timeout' must be more than 0, not -5"),
        ({"timeout": "60"}, "'timeout' must be a number, not '60'"),
        ({"timeout": True}, "'timeout' must be a number, not true"),
        ({"timeout": 1e12}, "'timeout' must be at most 31536000"),
        ({"actions": []}, "'actions' must not be empty"),
        ({"actions": {}}, "'actions' must be a list, not an object"),
        ({"logging_level": "info"}, "(did you mean 'INFO'?)"),
        ({"job_name": 5}, "'job_name' must be text, not 5 (put it in double quotes)"),
        ({"job_name": "a\nb"}, "'job_name' has the wrong format"),
        ({"job_name": ""}, "'job_name' must not be empty"),
        ({"health_check": "no"}, "'health_check' must be true or false, not 'no'"),
        ({"metadata": []}, "'metadata' must be an object"),
        ({"multinode": {"deadlock_grase": 1}}, "(did you mean 'deadlock_grace'?)"),
        ({"multinode": {"deadlock_grace": -1}}, "'deadlock_grace' must be at least 0, not -1"),
    ],
)
def test_wrong_values(refused, more, message):
    """Each known key has its type and limits."""
    problems = refused(job(**more))
    assert len(problems) == 1
    assert message in problems[0]


def test_what_the_job_needs(refused):
    """Both required keys are reported at once, with their purpose."""
    actions, timeout = refused({"target": "p"})
    assert actions.startswith("job.json:1:1: the file needs 'actions' (The actions")
    assert timeout.startswith("job.json:1:1: the file needs 'timeout' (Seconds: ")


def test_everything_optional(read):
    """All keys of 2013 are accepted."""
    parsed, warnings = read(job(
        job_name="n", logging_level="DEBUG", tags=["t"], metadata={"a": 1}, priority="high",
        health_check=True, multinode={"deadlock_grace": 5}, **{"$schema": "job.schema.json"},
    ))  # fmt: skip
    assert warnings == []
    assert (parsed.name, parsed.logging_level, parsed.tags) == ("n", "DEBUG", ("t",))
    assert (parsed.metadata, parsed.deadlock_grace) == ({"a": 1}, 5.0)


def test_defaults(read):
    """A job without a name is named after its file."""
    parsed, _ = read(job(), file="dir/smoke.json")
    assert (parsed.name, parsed.file, str(parsed.directory)) == ("smoke", "dir/smoke.json",
                                                                 "/somewhere")  # fmt: skip
    assert (parsed.logging_level, parsed.deadlock_grace) == ("INFO", 30.0)
    assert read(job(), file="-")[0].name == "job"


def test_unknown_top_level_keys_are_warnings(read, refused):
    """2013 ignored them; a likely misspelling is named, also beside errors."""
    _, warnings = read(job(loging_level="DEBUG", zzz=1))
    assert [str(warning) for warning in warnings] == [
        (
            "job.json:9:2: warning: unknown key 'loging_level' is ignored "
            "(did you mean 'logging_level'?)"
        ),
        "job.json:10:2: warning: unknown key 'zzz' is ignored",
    ]
    problems = refused({"target": "p", "actions": [], "timeot": 5})
    assert any("the file needs 'timeout'" in problem for problem in problems)
    assert "warning" in problems[2]
    assert "did you mean 'timeout'?" in problems[2]


def test_a_thousand_unknown_keys_are_a_hundred_warnings(read):
    """The number of warnings is limited."""
    assert len(read(job(**{f"k{n}": 1 for n in range(1000)}))[1]) == 100


def test_a_part_of_a_job(read):
    """Valid actions without roles; none of a LAVA job, which has other actions."""
    action = {"command": "boot_linaro_image"}
    for more, count in (({}, 1), ({"timeouts": {}}, 0), ({"actions": 7}, 0)):
        text = json.dumps({"actions": [action], **more})
        part = make_partial_job(from_bytes(text.encode(), "job.json", Path("/somewhere")))
        assert (len(part.actions), part.roles, part.directory) == (count, (), Path("/somewhere"))
