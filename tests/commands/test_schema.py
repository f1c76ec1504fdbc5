"""lava-multinode schema."""

import json

import pytest
from jsonschema import Draft202012Validator

from lava_dispatcher_multinode import device_types, plugins
from lava_dispatcher_multinode.commands.lava_multinode import build_parser
from lava_dispatcher_multinode.errors import ExitCode


def run(*words):
    """Run the verb with these arguments."""
    args = build_parser(["schema"]).parse_args(["schema", *words])
    return args.run(args)


@pytest.fixture(autouse=True)
def one_action(monkeypatch):
    """Exactly one action is installed."""
    action = type("Press", (), {"parameters_schema": {
        "type": "object", "required": ["relay"], "properties": {"relay": {"type": "integer"}},
    }})  # fmt: skip
    monkeypatch.setattr(plugins, "entries", lambda group: {"press_button": None})
    monkeypatch.setattr(plugins, "load", lambda group, name: action)
    monkeypatch.setattr(device_types, "names", lambda: {"panda": "panda"})


@pytest.mark.parametrize("kind", ["device", "events", "job", "results"])
def test_each_kind_is_a_valid_schema(capsys, kind):
    """The output is JSON and a valid schema."""
    assert run(kind) is ExitCode.PASS
    printed = json.loads(capsys.readouterr().out)
    Draft202012Validator.check_schema(printed)
    assert printed["type"] == "object"


def test_a_jobs_schema_has_the_installed_actions(capsys):
    """The schema contains the installed actions and their parameters."""
    run("job", "--json")
    validator = Draft202012Validator(json.loads(capsys.readouterr().out))
    job = {"timeout": 1, "actions": [{"command": "press_button", "parameters": {"relay": 1}}]}
    assert validator.is_valid(job)
    job["actions"][0]["parameters"]["relay"] = "one"
    assert not validator.is_valid(job)


def test_another_kind_is_a_usage_error(capsys):
    """The message lists the kinds."""
    with pytest.raises(SystemExit, match="2"):
        run("jobs")
    assert "device" in capsys.readouterr().err
