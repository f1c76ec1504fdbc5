"""Jobs of ours in LAVA's format: what LAVA's own schema says, and what is listed as lost."""

from __future__ import annotations

import json

import pytest
import yaml

from lava_dispatcher_multinode.commands.multinode import main

from .conftest import BOOT, EXAMPLES, definition, lava_job, lava_test


@pytest.fixture
def export(tmp_path, capsys):
    """A function that exports a job; returns the text and what was said on stderr."""

    def run(job, *words):
        path = job
        if isinstance(job, dict):
            path = tmp_path / "job.json"
            path.write_text(json.dumps(job))
        assert main(["export", str(path), *words]) == 0
        said = capsys.readouterr()
        return said.out, said.err

    return run


def job(*actions, group=None, **more):
    """Return a job of ours."""
    group = group or [{"role": "server", "device_type": "panda"}]
    return {
        "job_name": "j",
        "timeout": 300,
        "device_group": group,
        "actions": list(actions),
        **more,
    }


def shell(*steps, **more):
    """Return a lava_test_shell with one inline definition."""
    return {
        "command": "lava_test_shell",
        "parameters": {"definitions": [definition("t", *steps)], **more},
    }


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.json")), ids=lambda path: path.stem)
def test_every_example_passes_lavas_strict_schema(path, export, strictly):
    """Of the package's own."""
    text, said = export(path)
    strictly(text)
    assert "is on this machine" in said, "the image, for one"


def test_whatever_a_job_can_say_passes(export, strictly):
    """Every command and every kind of source, two types of boards, calls before and after boot."""
    text, said = export(
        job(
            {
                "command": "deploy_linaro_image",
                "parameters": {
                    "image": "https://h/i.img.xz",
                    "image_sha256": "0" * 64,
                    "role": "server",
                },
            },
            {
                "command": "deploy_linaro_kernel",
                "parameters": {
                    "kernel": "https://h/zImage",
                    "ramdisk": "https://h/r.gz",
                    "role": "client",
                },
            },
            {
                "command": "multinode",
                "parameters": {"request": "lava-sync", "message_id": "power"},
            },
            {"command": "boot_linaro_image"},
            {
                "command": "multinode",
                "parameters": {"request": "lava-send", "message_id": "up", "message": {"n": 1}},
            },
            {
                "command": "lava_test_shell",
                "parameters": {
                    "testdef_repos": [
                        {
                            "git-repo": "https://h/r.git",
                            "testdef": "a/b.yaml",
                            "revision": "main",
                            "parameters": {"X": "1"},
                        }
                    ]
                },
            },
            shell("true", "lava-wait --next x", timeout=90),
            {"command": "submit_results", "parameters": {"server": "x", "stream": "y"}},
            group=[
                {"role": "server", "device_type": "panda", "tags": ["usb"]},
                {"role": "client", "device_type": "beaglexm", "count": 2},
            ],
            tags=["nightly"],
            multinode={"deadlock_grace": 5},
        )
    )
    strictly(text)
    data = yaml.safe_load(text)
    roles = data["protocols"]["lava-multinode"]["roles"]
    assert roles == {
        "server": {"device_type": "panda", "count": 1, "tags": ["usb"]},
        "client": {"device_type": "beagle-xm", "count": 2},
    }
    kinds = [(kind, block["role"]) for action in data["actions"] for kind, block in action.items()]
    both = ["server", "client"]
    assert kinds == [
        ("deploy", ["server"]),
        ("deploy", ["client"]),
        ("boot", ["server"]),
        ("boot", ["client"]),
        ("test", both),
        ("test", both),
        ("test", both),
    ]
    image = data["actions"][0]["deploy"]["images"]["image"]
    assert image == {"url": "https://h/i.img.xz", "compression": "xz", "sha256sum": "0" * 64}
    (call,) = data["actions"][2]["boot"]["protocols"]["lava-multinode"]
    assert (call["action"], call["request"], call["messageID"]) == (
        "uboot-action",
        "lava-sync",
        "power",
    )
    assert data["actions"][3]["boot"]["commands"] == "ramdisk"
    (git,) = data["actions"][5]["test"]["definitions"]
    assert (git["from"], git["path"], git["revision"]) == ("git", "a/b.yaml", "main")
    assert data["actions"][6]["test"]["timeout"] == {"seconds": 90}
    for lost in ("deadlock_grace", "submit_results", "--next", "the board makes the call"):
        assert lost in said
        assert lost in text, "as a comment, too"


def test_a_deploy_comes_before_the_boot_that_lava_needs(export, strictly):
    """A job that only tests: LAVA brings its tests onto the board by a deploy."""
    text, _ = export(job(shell("true")))
    strictly(text)
    actions = yaml.safe_load(text)["actions"]
    assert [next(iter(action)) for action in actions] == ["deploy", "boot", "test"]
    assert actions[0]["deploy"]["to"] == "overlay"


def test_boards_of_a_lab_say_how_they_boot(export, strictly, lab):
    """With --config-dir the device dictionary and the device file are asked."""
    group = [{"role": "server", "device_type": "shell"}]
    guessed = export(job(shell("true"), group=group))[1]
    assert "is a guess" in guessed
    text, said = export(job(shell("true"), group=group), "--config-dir", str(lab))
    strictly(text)
    assert "guess" not in said
    boot = yaml.safe_load(text)["actions"][1]["boot"]
    assert {key: boot[key] for key in BOOT} == BOOT


def test_a_job_of_lavas_stays_as_it_is(export, strictly):
    """There is nothing to translate."""
    original = lava_job({"a": {}, "b": {"count": 2}}, lava_test("t", ["a"], "true"))
    text, said = export(original)
    strictly(text)
    assert yaml.safe_load(text) == original
    assert not said


def test_what_only_a_server_makes_goes_to_it(export, strictly):
    """Connections without a board of their own, a context: no board of this machine is meant."""
    guest = {"connection": "ssh", "host_role": "a", "expect_role": "a", "request": "lava-start"}
    original = lava_job({"a": {"context": {"arch": "amd64"}}}, lava_test("t", ["a", "g"], "true"))
    roles = original["protocols"]["lava-multinode"]["roles"]
    roles["g"] = {**guest, "count": 2}
    text, said = export(original)
    strictly(text)
    assert yaml.safe_load(text) == original
    assert not said
    found = json.loads(export(original, "--split", "--json")[0])
    assert sorted(found) == ["a-1", "g-1", "g-2"]
    assert found["g-1"]["host_role"] == "a"


def test_json_is_the_same_job(export, tmp_path, strictly):
    """LAVA reads it as YAML; --split gives one object, or one file each."""
    original = lava_job({"a": {}, "b": {"count": 2}}, lava_test("t", ["b"], "true"))
    text, _ = export(original, "--json")
    strictly(text)
    assert json.loads(text) == yaml.safe_load(export(original)[0])
    assert sorted(json.loads(export(original, "--json", "--split")[0])) == ["a-1", "b-1", "b-2"]
    export(original, "--json", "--split", "-o", str(tmp_path / "s"))
    found = {path.name: json.loads(path.read_text()) for path in (tmp_path / "s").iterdir()}
    assert sorted(found) == ["a-1.json", "b-1.json", "b-2.json"]


def test_split_gives_a_definition_for_each_node(export, tmp_path, capsys):
    """One file each, named by role; together one group."""
    original = lava_job({"a": {}, "b": {"count": 2}}, lava_test("t", ["b"], "true"))
    (tmp_path / "j.json").write_text(json.dumps(original))
    assert main(["export", str(tmp_path / "j.json"), "--split", "-o", str(tmp_path / "s")]) == 0
    found = {path.stem: yaml.safe_load(path.read_text()) for path in (tmp_path / "s").iterdir()}
    assert sorted(found) == ["a-1", "b-1", "b-2"]
    blocks = {name: item["protocols"]["lava-multinode"] for name, item in found.items()}
    assert len({block["target_group"] for block in blocks.values()}) == 1
    assert sorted(block["sub_id"] for block in blocks.values()) == [0, 1, 2]
    assert [len(found[name]["actions"]) for name in ("a-1", "b-1")] == [2, 3]


def test_a_definition_of_files_is_written_into_the_job(export, tmp_path, strictly):
    """With the job's values; what does not fit is listed."""
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "lavatest.yaml").write_text(
        "metadata: {name: my test, format: Lava-Test Test Definition 1.0, version: 3}\n"
        "params: {A: 1, B: 2}\n"
        "parse: {pattern: '(?P<test_case_id>x)(?P<result>y)'}\n"
        "run: {steps: [./go.sh]}\n"
    )
    repos = [{"git-repo": "d", "parameters": {"B": "3"}}]
    text, said = export(
        job({"command": "lava_test_shell", "parameters": {"testdef_repos": repos}})
    )
    strictly(text)
    (found,) = yaml.safe_load(text)["actions"][-1]["test"]["definitions"]
    assert found["repository"]["params"] == {"A": "1", "B": "3"}
    assert found["repository"]["run"]["steps"] == ["./go.sh"]
    assert "files beside it stay on this machine" in said
    assert "parse.pattern" in said


def test_expected_cases_are_exported(export, tmp_path):
    """Those of the entry, or else the definition's own."""
    own = definition("t", "true") | {"expected": ["a"]}
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "lavatest.yaml").write_text(
        "{metadata: {name: f}, expected: [b], run: {steps: []}}"
    )
    repos = [
        {"git-repo": "d", "expected": ["c"]},
        {"git-repo": "https://h/r.git", "expected": ["d"]},
    ]
    text, _ = export(
        job(
            {
                "command": "lava_test_shell",
                "parameters": {"testdef_repos": repos, "definitions": [own]},
            }
        )
    )
    files, git, inline = yaml.safe_load(text)["actions"][-1]["test"]["definitions"]
    assert files["repository"]["expected"] == ["c"]
    assert git["expected"] == ["d"]
    assert inline["repository"]["expected"] == ["a"]


def test_words_for_results_need_a_pattern_in_lava(export, strictly):
    """LAVA's schema would let them into the job, and its dispatcher break on them."""
    words = definition("t", "lava-test-case a --result good")
    words["parse"] = {"fixupdict": {"good": "pass"}}
    text, said = export(
        job({"command": "lava_test_shell", "parameters": {"definitions": [words]}})
    )
    strictly(text)
    (found,) = yaml.safe_load(text)["actions"][-1]["test"]["definitions"]
    assert "parse" not in found["repository"]
    assert "parse.pattern, and so fixupdict, is not allowed" in said
