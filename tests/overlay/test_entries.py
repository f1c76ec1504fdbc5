"""The parameters of lava_test_shell."""

from __future__ import annotations

import pytest

from lava_dispatcher_multinode.overlay.definition_source import DefinitionSource, Kind
from lava_dispatcher_multinode.overlay.entries import DefinitionEntry, read_entries

GIT = DefinitionSource(Kind.GIT, "https://example.com/x")
INLINE = {"metadata": {"name": "a"}, "run": {"steps": []}}


def read(parameters, tmp_path):
    """Return the entries, and what is wrong."""
    wrong = []
    found = list(read_entries(parameters, tmp_path, wrong))
    return found, [(path, str(error)) for path, error in wrong]


def test_repositories(tmp_path):
    """With the seed's default file, a revision, and values for parameters."""
    value = {
        "git-repo": GIT.location,
        "revision": 1234567,
        "name": "n",
        "parameters": {"A": 1},
        "testdef": "t.yaml",
    }
    found, wrong = read({"testdef_repos": [{"git-repo": GIT.location}, value]}, tmp_path)
    assert not wrong
    assert found[0].testdef == "lavatest.yaml"
    assert found[1] == DefinitionEntry(
        ("testdef_repos", 1),
        DefinitionSource(Kind.GIT, GIT.location, "1234567"),
        "t.yaml",
        name="n",
        parameters={"A": 1},
        parameters_path=("testdef_repos", 1, "parameters"),
    )


def test_all_three_keys_in_order(tmp_path):
    """Repositories, then single files, then inline ones, as they stand."""
    parameters = {
        "definitions": [INLINE],
        "testdef_urls": ["http://example.com/a.yaml"],
        "testdef_repos": [{"git-repo": GIT.location}],
    }
    found, _ = read(parameters, tmp_path)
    assert [entry.path[0] for entry in found] == ["testdef_repos", "testdef_urls", "definitions"]


def test_lavas_own_way_to_name_definitions(tmp_path):
    """A list that works in LAVA today works here."""
    found, wrong = read(
        {
            "definitions": [
                {"from": "inline", "name": "n", "path": "x.yaml", "repository": INLINE},
                {"from": "git", "repository": GIT.location, "path": "t.yaml", "branch": "b"},
                {"from": "url", "repository": "https://example.com/x.tgz", "path": "t.yaml"},
            ]
        },
        tmp_path,
    )
    assert not wrong
    assert (found[0].inline, found[0].name) == (INLINE, "n")
    assert found[0].inline_path == ("definitions", 0, "repository")
    assert (found[1].source.branch, found[1].testdef) == ("b", "t.yaml")
    assert found[2].source.kind is Kind.ARCHIVE


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"testdef_repos": ["x"]}, "must be a mapping"),
        ({"testdef_repos": [{}]}, "git-repo or tar-repo is missing"),
        ({"testdef_repos": [{"bzr-repo": "lp:x"}]}, "no longer supported"),
        ({"testdef_repos": [{"git-repo": 1.5}]}, "git-repo must be a text"),
        ({"testdef_repos": [{"git-repo": "ext::sh -c x"}]}, "not a valid URL for git"),
        ({"testdef_urls": [1]}, "must be a path or a URL"),
        ({"definitions": [{"from": "bzr"}]}, "'bzr'"),
        ({"definitions": [{"from": "git"}]}, "repository is missing"),
    ],
)
def test_what_cannot_be(parameters, said, tmp_path):
    """It is noted with its place, and the rest is read."""
    (key,) = parameters
    found, wrong = read({**parameters, key: [*parameters[key], *parameters[key]]}, tmp_path)
    assert not found
    assert [path[:2] for path, _ in wrong] == [(key, 0), (key, 1)]
    assert said in wrong[0][1]


def test_what_is_wrong_in_an_entry_is_pointed_at(tmp_path):
    """For example the revision, and not the whole repository."""
    repos = [
        {"git-repo": "https://x/y", "revision": "-x"},
        {"git-repo": "ext::x"},
        {"tar-repo": "nowhere.tar"},
    ]
    _, wrong = read({"testdef_repos": repos}, tmp_path)
    assert [path[2:] for path, _ in wrong] == [("revision",), ("git-repo",), ("tar-repo",)]
