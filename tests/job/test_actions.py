"""The actions of a job."""

import json
from pathlib import Path

import pytest

from lava_dispatcher_multinode.job.actions import make_valid_specs
from lava_dispatcher_multinode.job.source import from_bytes


def job(*actions):
    """Return a two-role job with these actions."""
    return {"timeout": 60, "actions": list(actions), "device_group": [
        {"role": "client", "device_type": "panda", "count": 2},
        {"role": "server", "device_type": "panda"},
    ]}  # fmt: skip


def deploy(**parameters):
    """Return a deployment with an image and these parameters."""
    return {"command": "deploy_linaro_image", "parameters": {"image": "i", **parameters}}


@pytest.mark.parametrize(
    ("role", "roles"),
    [("client", {"client"}), (["client", "server"], {"client", "server"})],
)
def test_role_is_a_name_or_a_list_and_taken_out(read, role, roles):
    """The action does not see it."""
    parsed, _ = read(job(deploy(role=role)))
    (action,) = parsed.actions
    assert action.roles == roles
    assert action.parameters == {"image": "i"}


@pytest.mark.parametrize(
    ("parameters", "timeout"),
    [({}, None), ({"timeout": -1}, None), ({"timeout": 5}, 5.0), ({"timeout": 0.5}, 0.5)],
)
def test_timeout_is_taken_out_and_minus_one_is_the_jobs(read, parameters, timeout):
    """-1 meant the default in 2013."""
    parsed, _ = read(job(deploy(**parameters)))
    (action,) = parsed.actions
    assert action.timeout == timeout
    assert "timeout" not in action.parameters


@pytest.mark.parametrize("entry", [{}, {"parameters": {}}, {"parameters": None},
                                   {"metadata": {"a": [1]}}])  # fmt: skip
def test_parameters_may_be_left_out(read, entry):
    """An action without parameters needs no empty object."""
    parsed, _ = read(job({"command": "boot_linaro_image", **entry}))
    assert parsed.actions[0].parameters == {}


def test_places_of_parameters(read):
    """A later message about a test definition has its line."""
    parsed, _ = read(job({"command": "lava_test_shell", "parameters": {
        "testdef_repos": [{"git-repo": "g", "testdef": "t"}]}}))  # fmt: skip
    action = parsed.actions[0]
    assert action.position("testdef_repos", 0, "testdef").line == 10
    assert action.position("nothing").line == action.position().line == 4


@pytest.mark.parametrize(
    ("action", "message"),
    [
        (deploy(role="clint"), "unknown role 'clint' (did you mean 'client'?)"),
        (deploy(role=["client", "x"]), "unknown role 'x' (known: client, server)"),
        (deploy(role=[]), "'role' must not be empty"),
        (deploy(role=7), "'role' must be text or a list, not 7"),
        (deploy(timeout=0), "'timeout' must be a number of seconds greater than 0"),
        (deploy(timeout="1h"), "'timeout' must be a number of seconds greater than 0"),
        (deploy(timeout=True), "'timeout' must be a number of seconds greater than 0"),
        (deploy(imag="x"), "unknown key 'imag' in 'parameters' (did you mean 'image'?)"),
        (deploy(hwpack="x"), "(hardware packs are not supported: "),
        (deploy(rootfs="x"), "(assembling images is not supported: "),
        ({"command": "deploy_linaro_image"}, "'parameters' needs 'image'"),
        ({"command": "deploy_linaro_image", "parameters": []}, "or empty, not a list"),
        ({"command": "deploy_linaro_imag"},
         "unknown action 'deploy_linaro_imag' (did you mean 'deploy_linaro_image'?)"),
        ({"command": "lava_test_run", "parameters": {"x": 1}}, "use lava_test_shell"),
        ({**deploy(), "timeout": 5}, "(put the timeout into the action's 'parameters')"),
        ({**deploy(), "comand": 5},
         "unknown key 'comand' in entry 1 of 'actions' (did you mean 'command'?)"),
        ({"parameters": {}}, "entry 1 of 'actions' needs 'command'"),
        ({"command": 5}, "'command' must be text, not 5"),
        ({"command": "boot_linaro_image", "parameters": []}, "'parameters' must be an object"),
        ("boot_linaro_image", "entry 1 of 'actions' must be an object ({...}), not 'boot"),
        ({"command": "multinode", "parameters": {
            "request": "lava-wait-all", "message_id": "x", "waitrole": "srver"}},
         "unknown role 'srver' (did you mean 'server'?)"),
    ],
)  # fmt: skip
def test_wrong_actions(refused, action, message):
    """Each is one problem, in the words of its action."""
    problems = refused(job(action))
    assert len(problems) == 1
    assert message in problems[0]


def test_a_broken_schema_is_its_actions_fault(installed, refused):
    """The message names the action with the schema; no bug of this program is reported."""
    schema = {"type": "objct"}
    installed["lava_dispatcher.actions"]["press"] = type("P", (), {"parameters_schema": schema})
    (problem,) = refused(job({"command": "press"}))
    assert problem.startswith("action press: its parameters_schema is not a JSON Schema: 'objct'")


def test_a_third_partys_parameters_are_checked_by_its_own_schema(installed, refused, read):
    """The schema of a plug-in's action applies like any other."""
    schema = {"type": "object", "required": ["relay"], "properties": {"relay": {"minimum": 1}}}
    installed["lava_dispatcher.actions"]["press"] = type("P", (), {"parameters_schema": schema})
    (problem,) = refused(job({"command": "press", "parameters": {"relay": 0}}))
    assert "'relay' must be at least 1, not 0" in problem
    read(job({"command": "press", "parameters": {"relay": 1, "role": "client"}}))


def test_actions_that_are_sound_in_a_job_that_is_not():
    """The files that they name can be checked despite other errors; their roles do not matter."""
    entries = [
        deploy(role="absent", timeout="x"),
        {"command": "nonsense"},
        {"command": "boot_linaro_image"},
        {"command": "boot_linaro_image", "parameters": []},
        {"command": "deploy_linaro_image", "parameters": {"imag": "x"}},
        7,
    ]
    text = json.dumps({"actions": entries})
    found = make_valid_specs(from_bytes(text.encode(), "job.json", Path("/")))
    assert [(spec.command, spec.roles) for spec in found] == [
        ("deploy_linaro_image", None),
        ("boot_linaro_image", None),
    ]
    assert set(found[0].parameters) == {"image"}
    assert found[0].position("image").column > 1


@pytest.mark.parametrize(
    ("wrong", "left"),
    [
        ({"testdef_repos": [{"tar": "a"}, {"tar-repo": "b"}, 7, {"tar-repo": "c"}]},
         {"testdef_repos": [{"tar-repo": "b"}, {"tar-repo": "c"}]}),
        ({"testdef_repos": [{"tar": "a"}], "testdef_urls": ["b"]}, {"testdef_urls": ["b"]}),
        ({"testdef_repos": "a", "testdef_urls": ["b"]}, {"testdef_urls": ["b"]}),
        ({"testdef_urls": ["b"], "testdef_url": ["a"]}, {"testdef_urls": ["b"]}),
        ({"testdef_repos": [{"tar": "a"}]}, None),
        ({"testdef_repos": []}, None),
        ({"testdef_url": ["a"]}, None),
    ],
)  # fmt: skip
def test_an_action_without_what_is_wrong(wrong, left):
    """Its other entries can be checked, with their positions; unless nothing useful is left."""
    text = json.dumps({"actions": [{"command": "lava_test_shell", "parameters": wrong}]})
    found = make_valid_specs(from_bytes(text.encode(), "job.json", Path("/")))
    assert [spec.parameters for spec in found] == ([] if left is None else [left])
    for spec in found:
        for key, values in spec.parameters.items():
            places = [text.index(json.dumps(value)) + 1 for value in values]
            assert [spec.position(key, i).column for i in range(len(values))] == places
