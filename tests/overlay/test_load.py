"""Loading the definitions of an action."""

from __future__ import annotations

import base64
import json

import pytest

from lava_dispatcher_multinode.errors import InfrastructureError, InvalidJob
from lava_dispatcher_multinode.job.model import Position
from lava_dispatcher_multinode.overlay.load import load_definitions


def repos(*values):
    """Return parameters with these testdef_repos."""
    return {"testdef_repos": list(values)}


def at(*path):
    """Return a place in the job that shows which path was asked for."""
    return Position("job.json", len(path) + 1, 1)


def problem_of(parameters, tmp_path, cache):
    """Return the one problem that the parameters have."""
    with pytest.raises(InvalidJob) as caught:
        load_definitions(parameters, tmp_path, cache, position=at)
    (problem,) = caught.value.problems
    return problem


def test_every_kind_of_source(tmp_path, cache, repository, directory, make_tar, smoke):
    """One definition, by all ways, with the files that go with it."""
    embedded = base64.b64encode(make_tar([("smoke.yaml", smoke.encode())])).decode()
    (tmp_path / "alone.yaml").write_text(smoke)
    parameters = {
        **repos(
            {"git-repo": "repository", "testdef": "smoke.yaml"},
            {"git-repo": str(directory), "testdef": "smoke.yaml"},
            {"tar-repo": embedded, "testdef": "smoke.yaml"},
        ),
        "testdef_urls": ["alone.yaml"],
        "definitions": [{"metadata": {"name": "smoke"}, "run": {"steps": ["ls"]}}],
    }
    found = load_definitions(parameters, tmp_path, cache)
    assert [definition.test.name for definition in found] == ["smoke"] * 5
    assert [definition.files is not None for definition in found] == [True] * 3 + [False] * 2
    assert found[1].files == directory
    assert found[0].text == smoke.encode()
    assert len({definition.key for definition in found}) == 5


def test_parameters_of_the_job_win(tmp_path, cache, directory):
    """Defaults of the definition, values of the job; other values are another content."""
    text = "{metadata: {name: a}, params: {A: 1, B: 2}, run: {steps: []}}"
    (directory / "p.yaml").write_text(text)
    entry = {"git-repo": "plain", "testdef": "p.yaml"}
    plain, given = load_definitions(
        repos(entry, {**entry, "parameters": {"B": 3, "C": 4}}), tmp_path, cache
    )
    assert plain.parameters == {"A": "1", "B": "2"}
    assert given.parameters == {"A": "1", "B": "3", "C": "4"}
    assert plain.key != given.key


def test_expected_cases_of_the_job_win(tmp_path, cache, directory):
    """As in LAVA: the entry's are in place of the definition's own, also where it has none."""
    (directory / "e.yaml").write_text("{metadata: {name: a}, expected: [x, y], run: {steps: []}}")
    entry = {"git-repo": "plain", "testdef": "e.yaml"}
    inline = {"metadata": {"name": "b"}, "expected": ["z"], "run": {"steps": []}}
    own, given, none = load_definitions(
        repos(entry, {**entry, "expected": ["y", "z"]}, {**entry, "expected": []}), tmp_path, cache
    )
    (bare,) = load_definitions({"definitions": [inline]}, tmp_path, cache)
    assert [each.test.expected for each in (own, given, none, bare)] == [
        ("x", "y"), ("y", "z"), (), ("z",)
    ]  # fmt: skip


@pytest.mark.parametrize("expected", ["x", {"x": 1}, [1.0], [["x"]]])
def test_expected_cases_are_a_list_of_texts(expected, tmp_path, cache):
    """LAVA would compare letters, or a number with a text."""
    inline = {"metadata": {"name": "b"}, "run": {"steps": []}}
    entry = {"from": "inline", "name": "n", "path": "p", "repository": inline}
    problem = problem_of({"definitions": [{**entry, "expected": expected}]}, tmp_path, cache)
    own = problem_of({"definitions": [{**inline, "expected": expected}]}, tmp_path, cache)
    deep = isinstance(expected, list)
    assert (problem.line, own.line) == (5 if deep else 4, 5 if deep else 4)
    assert "expected" in problem.message
    assert problem.message == own.message


def test_a_missing_definition_is_reported_with_existing_ones(tmp_path, cache, directory):
    """The hint is the nearest name, or the names."""
    (directory / "sub").mkdir()
    (directory / "sub/deep.yml").touch()
    problem = problem_of(repos({"git-repo": "plain", "testdef": "smoke.yml"}), tmp_path, cache)
    assert (problem.file, problem.line) == ("job.json", 4)  # one a step: the third is testdef
    assert "no test definition 'smoke.yml'" in problem.message
    assert problem.hint == "did you mean 'smoke.yaml'?"
    problem = problem_of(repos({"git-repo": "plain", "testdef": "xx"}), tmp_path, cache)
    assert "smoke.yaml" in problem.hint
    assert "sub/deep.yml" in problem.hint


@pytest.mark.parametrize("name", ["/etc/passwd", "../secret.yaml", "link.yaml", "loop.yaml"])
def test_no_path_leads_out_of_the_repository(tmp_path, cache, directory, name, smoke):
    """A definition is read on this host: it must not be another file of the host's."""
    (tmp_path / "secret.yaml").write_text(smoke)
    (directory / "link.yaml").symlink_to(tmp_path / "secret.yaml")
    (directory / "loop.yaml").symlink_to("loop.yaml")
    problem = problem_of(repos({"git-repo": "plain", "testdef": name}), tmp_path, cache)
    assert "outside" in problem.message


def test_a_link_inside_is_followed(tmp_path, cache, directory):
    """Links are how definitions share files."""
    (directory / "default.yaml").symlink_to("smoke.yaml")
    parameters = repos({"git-repo": "plain", "testdef": "default.yaml"})
    (found,) = load_definitions(parameters, tmp_path, cache)
    assert found.test.name == "smoke"


def test_mistakes_inside_a_definition_have_its_place(tmp_path, cache, directory, repository):
    """The file that is to be mended, not the job; of a repository its URL."""
    (directory / "bad.yaml").write_text("metadata: {name: a}\n")
    problem = problem_of(repos({"git-repo": "plain", "testdef": "bad.yaml"}), tmp_path, cache)
    assert (problem.file, problem.line) == (str(directory / "bad.yaml"), 1)
    repository.commit(bad__yaml="a: [")
    entry = {"git-repo": str(repository.path), "testdef": "bad.yaml"}
    problem = problem_of(repos(entry), tmp_path, cache)
    assert (problem.file, problem.line) == (f"{repository.path}:bad.yaml", 1)


def test_mistakes_of_all_definitions_at_once(tmp_path, cache, directory):
    """In the job, in an inline definition and in a file."""
    (directory / "bad.yaml").write_text("metadata: {name: a}\n")
    parameters = {
        **repos({"git-repo": "nowhere"}, {"git-repo": "plain", "testdef": "bad.yaml"}),
        "definitions": [{"run": {"steps": []}}],
    }
    with pytest.raises(InvalidJob) as caught:
        load_definitions(parameters, tmp_path, cache, position=at)
    files = [problem.file for problem in caught.value.problems]
    assert sorted(files) == [str(directory / "bad.yaml"), "job.json", "job.json"]


def test_without_the_network(tmp_path, cache, directory):
    """--validate checks what is here, and does not wait for servers."""
    here = {"git-repo": "plain", "testdef": "smoke.yaml"}
    parameters = repos({"git-repo": "https://localhost:1/x"}, here)
    parameters["testdef_urls"] = ["http://localhost:1/x.yaml"]
    found = load_definitions(parameters, tmp_path, cache, remote=False)
    assert [definition.files for definition in found] == [directory]
    with pytest.raises(InfrastructureError) as caught:
        load_definitions(parameters, tmp_path, cache, position=at)
    assert str(caught.value).startswith(
        "job.json:3:1: cannot fetch https://localhost:1/x: git fetch"
    )


def with_repository(url):
    """Return a definition that has further files from `url`."""
    steps = {"steps": []}
    return {"metadata": {"name": "a"}, "install": {"git-repos": [url]}, "run": steps}


def test_git_repos_of_a_definition(tmp_path, cache, repository):
    """They are fetched here, and go beside the definition's files under their own name."""
    inline = with_repository({"url": f"file://{repository.path}", "destination": "deep/er"})
    plain = with_repository(f"file://{repository.path}")
    found = load_definitions({"definitions": [inline, plain]}, tmp_path, cache)
    assert [definition.repositories[0][0] for definition in found] == ["deep/er", "repository"]
    assert (found[0].repositories[0][1] / "smoke.yaml").is_file()


@pytest.mark.parametrize("destination", ["..", "../x", "/x", ".", "a/../.."])
def test_git_repos_stay_beside_the_definition(tmp_path, cache, repository, destination):
    """A destination outside would replace the board's own files."""
    url = {"url": f"file://{repository.path}", "destination": destination}
    problem = problem_of({"definitions": [with_repository(url)]}, tmp_path, cache)
    assert "outside" in problem.message


def test_a_fetched_definition_names_no_paths_of_this_host(
    tmp_path, cache, repository, monkeypatch
):
    """Else a definition from the network could have this host's repositories sent to a board."""
    fetched = tmp_path / "definition.yaml"
    fetched.write_text(json.dumps(with_repository(f"file://{repository.path}")))
    monkeypatch.setattr(cache, "fetch", lambda _: fetched)
    parameters = {"testdef_urls": ["http://example.com/definition.yaml"]}
    assert "is not a URL" in problem_of(parameters, tmp_path, cache).message


def test_scripts_of_a_definition(tmp_path, cache, directory):
    """The message-flow check reads what steps call, and nothing outside."""
    (directory / "out").symlink_to("/etc/hostname")
    (directory / "big").write_bytes(b"x" * (1 << 19))
    parameters = repos({"git-repo": "plain", "testdef": "smoke.yaml"})
    (found,) = load_definitions(parameters, tmp_path, cache)
    file, text = found.script("./go.sh")
    assert file == str(directory / "go.sh")
    assert "lava-send ready" in text
    for name in ("out", "big", "nowhere", "/etc/hostname", "../secret", ".", "a\0b"):
        assert found.script(name) is None


def test_scripts_beside_a_definition_that_is_deeper(tmp_path, cache, directory, smoke):
    """Steps of such a definition begin with `cd` to it; the nearer script is meant."""
    (directory / "deep").mkdir()
    (directory / "deep/smoke.yaml").write_text(smoke)
    (directory / "deep/go.sh").write_text("lava-send deep\n")
    parameters = repos({"git-repo": "plain", "testdef": "deep/smoke.yaml"})
    (found,) = load_definitions(parameters, tmp_path, cache)
    assert found.script("./go.sh") == (str(directory / "deep/go.sh"), "lava-send deep\n")
    assert found.script("smoke.yaml")[0] == str(directory / "deep/smoke.yaml")


def test_scripts_of_a_repository_are_called_by_it(tmp_path, cache, repository):
    """Messages do not name the temporary directory of the checkout."""
    repository.commit(**{"go.sh": "true\n"})
    (found,) = load_definitions(
        repos({"git-repo": str(repository.path), "testdef": "smoke.yaml"}), tmp_path, cache
    )
    assert found.script("./go.sh")[0] == f"{repository.path}:go.sh"
