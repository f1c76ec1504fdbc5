"""The definitions of a lava_test_shell in LAVA's form, and what is listed as lost."""

from __future__ import annotations

import yaml

from .conftest import definition, job


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
