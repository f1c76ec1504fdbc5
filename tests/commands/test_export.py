"""`lava-multinode export`: destinations and formats."""

from __future__ import annotations

import json

import pytest
import yaml

from lava_dispatcher_multinode.commands.lava_multinode import main

DEFINITION = {
    "from": "inline",
    "name": "t",
    "path": "inline/t.yaml",
    "repository": {
        "metadata": {"format": "Lava-Test Test Definition 1.0", "name": "t"},
        "run": {"steps": ["true"]},
    },
}
JOB = {
    "job_name": "of LAVA's",
    "visibility": "public",
    "timeouts": {"job": {"minutes": 5}},
    "protocols": {
        "lava-multinode": {
            "roles": {
                "a": {"device_type": "shell", "count": 1},
                "b": {"device_type": "shell", "count": 2},
            }
        }
    },
    "actions": [{"test": {"role": ["b"], "definitions": [DEFINITION]}}],
}
OURS = {
    "job_name": "ours",
    "timeout": 60,
    "device_type": "panda",
    "actions": [{"command": "submit_results", "parameters": {"server": "x", "stream": "y"}}],
}


@pytest.fixture
def export(tmp_path, capsys):
    """A function that exports a job; returns exit code, standard output and standard error."""

    def run(job, *words):
        (tmp_path / "j.json").write_text(json.dumps(job))
        code = main(["export", str(tmp_path / "j.json"), *map(str, words)])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def test_the_job_is_on_standard_output(export):
    """Standard output has the job alone, with a comment about its origin."""
    code, out, err = export(JOB)
    assert (code, err) == (0, "")
    assert yaml.safe_load(out) == JOB
    assert out.splitlines()[0].endswith("/j.json by lava-multinode.")


def test_what_the_format_cannot_express_is_on_standard_error(export):
    """A part that is not exported is a message on stderr, not a failure."""
    code, out, err = export(OURS)
    assert code == 0
    assert "not exported: submit_results: left out" in err
    assert "# * submit_results: left out" in out


def test_json_is_the_same_job(export):
    """JSON is valid YAML for LAVA."""
    assert json.loads(export(JOB, "--json")[1]) == JOB


def test_a_file_instead_of_standard_output(export, tmp_path):
    """With -o, standard output is empty."""
    assert export(JOB, "-o", tmp_path / "out.yaml") == (0, "", "")
    assert yaml.safe_load((tmp_path / "out.yaml").read_text()) == JOB


def test_split_writes_one_file_for_each_node(export, tmp_path):
    """The directory is created with its parents; the files form one group."""
    assert export(JOB, "--split", "-o", tmp_path / "x" / "y") == (0, "", "")
    files = (tmp_path / "x" / "y").iterdir()
    found = {path.name: yaml.safe_load(path.read_text()) for path in files}
    assert sorted(found) == ["a-1.yaml", "b-1.yaml", "b-2.yaml"]
    blocks = [item["protocols"]["lava-multinode"] for item in found.values()]
    assert len({block["target_group"] for block in blocks}) == 1
    assert sorted(block["sub_id"] for block in blocks) == [0, 1, 2]
    assert [len(found[f"{name}.yaml"]["actions"]) for name in ("a-1", "b-1", "b-2")] == [0, 1, 1]


def test_split_as_json(export, tmp_path):
    """One object by node on standard output, or one file per node."""
    assert sorted(json.loads(export(JOB, "--split", "--json")[1])) == ["a-1", "b-1", "b-2"]
    export(JOB, "--split", "--json", "-o", tmp_path / "s")
    found = {path.name: json.loads(path.read_text()) for path in (tmp_path / "s").iterdir()}
    assert sorted(found) == ["a-1.json", "b-1.json", "b-2.json"]


def test_split_on_standard_output_is_a_document_for_each_node(export):
    """The documents are separated by YAML's marker."""
    documents = list(yaml.safe_load_all(export(JOB, "--split")[1]))
    assert len(documents) == 3


@pytest.mark.parametrize("words", [(), ("--split",)])
def test_an_unwritable_output_is_reported(export, tmp_path, words):
    """The message has the path and the system's reason; exit code 2."""
    (tmp_path / "file").write_text("")
    code, out, err = export(JOB, *words, "-o", tmp_path / "file" / "out")
    assert (code, out) == (2, "")
    assert "file/out" in err
    assert "Not a directory" in err
    assert "Traceback" not in err


def test_a_wrong_job_is_no_job_of_lavas(export):
    """Nothing is written."""
    code, out, err = export(OURS | {"timeout": "soon"})
    assert (code, out) == (2, "")
    assert "timeout" in err


@pytest.mark.parametrize("explicit", [True, False], ids=["--config-dir", "default directory"])
def test_types_of_the_user_are_known_by_their_aliases(export, tmp_path, monkeypatch, explicit):
    """The exported job has the proper name, and the boot commands of the type's file."""
    config = tmp_path / "lava-dispatcher"
    (config / "device-types").mkdir(parents=True)
    text = "aliases: [rock-5b]\nboot: {commands: [run bootcmd]}\n"
    (config / "device-types/rock5.yaml").write_text(text)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path if not explicit else tmp_path / "none"))
    image = {"command": "deploy_linaro_image", "parameters": {"image": "https://h/x.img"}}
    job = {**OURS, "device_type": "rock-5b", "actions": [image, {"command": "boot_linaro_image"}]}
    code, out, err = export(job, *(["--config-dir", config] if explicit else []))
    assert code == 0, err
    exported = yaml.safe_load(out)
    roles = exported["protocols"]["lava-multinode"]["roles"]
    assert [role["device_type"] for role in roles.values()] == ["rock5"]
    (boot,) = (action["boot"] for action in exported["actions"] if "boot" in action)
    assert boot["commands"] == ["run bootcmd"]
