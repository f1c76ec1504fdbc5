"""The definitions of a lava_test_shell in LAVA's format, and the list of what is lost."""

from __future__ import annotations

import pytest
import yaml

from ..conftest import definition, job


def test_a_definition_of_files_is_written_into_the_job(export, tmp_path, strictly):
    """With the job's values; what LAVA's format lacks is listed."""
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
    assert "files next to it are not exported" in said
    assert "parse.pattern" in said


def test_expected_cases_are_exported(export, tmp_path):
    """Those of the entry, otherwise the definition's own."""
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
    """LAVA's schema would accept them in the job, and its dispatcher would fail on them."""
    words = definition("t", "lava-test-case a --result good")
    words["parse"] = {"fixupdict": {"good": "pass"}}
    text, said = export(
        job({"command": "lava_test_shell", "parameters": {"definitions": [words]}})
    )
    strictly(text)
    (found,) = yaml.safe_load(text)["actions"][-1]["test"]["definitions"]
    assert "parse" not in found["repository"]
    assert "parse.pattern, and so fixupdict, is not allowed" in said


@pytest.mark.parametrize(
    ("name", "made"),
    [("my test", "my-test"), ("a_b-c.1", "a_b-c.1"), ("\u00e4/\u00f6", "-"), ("a  /b", "a-b")],
)
def test_a_name_that_lava_accepts(export, name, made):
    """Its schema refuses blanks, and its directories have these names."""
    words = definition(name, "true")
    text, _ = export(job({"command": "lava_test_shell", "parameters": {"definitions": [words]}}))
    (found,) = yaml.safe_load(text)["actions"][-1]["test"]["definitions"]
    assert (found["name"], found["path"]) == (made, f"inline/{made}.yaml")
    assert found["repository"]["metadata"]["name"] == made


def test_another_hosts_repository_is_lavas_to_fetch(export):
    """It is not read here; without a name it has the name of its file."""
    repos = [{"git-repo": "https://h/r.git", "testdef": "a/b.yaml", "branch": "next"}]
    text, _ = export(job({"command": "lava_test_shell", "parameters": {"testdef_repos": repos}}))
    (found,) = yaml.safe_load(text)["actions"][-1]["test"]["definitions"]
    assert found == {
        "from": "git",
        "repository": "https://h/r.git",
        "path": "a/b.yaml",
        "name": "b",
        "branch": "next",
    }


@pytest.mark.parametrize(
    ("steps", "told"),
    [
        (["lava-wait --next x"], True),
        (["lava-sync  --timeout 5 x"], True),
        (["lava-network broadcast eth0"], True),
        (["lava-wait x --next"], False),  # no option in this position: the ID comes first
        (["lava-sync x"], False),
    ],
)
def test_what_only_this_dispatcher_supports_is_listed(export, steps, told):
    """On a lab such a step would fail, for a reason that is hard to see."""
    words = definition("t", *steps)
    _, said = export(job({"command": "lava_test_shell", "parameters": {"definitions": [words]}}))
    assert ("which LAVA does not have" in said) is told
