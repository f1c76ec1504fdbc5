"""Choice of the parser, and arbitrary input."""

import copy
import json
import textwrap
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lava_dispatcher_multinode import plugins
from lava_dispatcher_multinode.errors import InvalidJob
from lava_dispatcher_multinode.job.model import Job
from lava_dispatcher_multinode.job.parse import parse_job
from lava_dispatcher_multinode.job.source import from_bytes

LOAD = plugins.load  # the fixture `installed` replaces it

LOAD = plugins.load


def test_json_and_yaml_are_the_same_job(read, seed):
    """The first user's job in block YAML."""
    import yaml

    block = read(yaml.safe_dump(seed, sort_keys=False), file="job.json.yaml")[0]
    flow = read(seed)[0]
    assert block.actions == flow.actions
    assert [role.name for role in block.roles] == [role.name for role in flow.roles]


@pytest.mark.parametrize("text", ["[1, 2]", "5", '"text"'])
def test_what_is_no_object_is_no_job(refused, text):
    """The message describes the expected shape."""
    (problem,) = refused(text)
    assert "1:1: the file must be an object ({...}), not" in problem


def test_a_job_without_boards_is_refused(refused):
    """The missing key is reported with all other errors."""
    problems = refused({"actions": [{"command": "boot_linaro_imag"}]})
    assert any("does not name its devices" in problem for problem in problems)
    assert any("needs 'timeout'" in problem for problem in problems)
    assert any("did you mean 'boot_linaro_image'?" in problem for problem in problems)


def test_a_misspelt_device_group_gets_a_hint(refused):
    """One extra letter is the likeliest reason."""
    problems = refused({"timeout": 1, "actions": [{"command": "boot_linaro_image"}],
                        "device_groups": []})  # fmt: skip
    assert any("did you mean 'device_group'?" in problem for problem in problems)


def test_two_parsers_that_accept_are_an_error_naming_both(installed, refused, seed):
    """A package that claims a format of this one is reported, not preferred."""
    ours = installed["lava_dispatcher.job_parsers"]["device_group"]
    installed["lava_dispatcher.job_parsers"]["theirs"] = ours
    (problem,) = refused(seed)
    assert "2 job parsers accept this file: 'device_group' of" in problem
    assert "and 'theirs' of" in problem


def test_a_parser_of_a_package_that_lacks_a_method_is_refused(installed, monkeypatch, tmp_path):
    """The error names the package and the method, also for a job of another format."""
    (tmp_path / "half_parser.py").write_text("class Half:\n    def accepts(self, document): ...\n")
    monkeypatch.syspath_prepend(tmp_path)
    entry = EntryPoint("half", "half_parser:Half", plugins.JOB_PARSERS)
    monkeypatch.setattr(plugins, "entries", lambda group: {"half": entry})
    monkeypatch.setattr(plugins, "load", LOAD)
    document = from_bytes(b"{}", "job.json", tmp_path)
    with pytest.raises(InvalidJob, match=r"'half' of .*half_parser:Half\) lacks 'parse'"):
        parse_job(document)


def test_a_third_partys_parser_is_chosen_by_what_it_accepts(installed, read):
    """Packages can add formats."""

    class Theirs:
        def accepts(self, document):
            return "boards" in document.data

        def parse(self, document):
            return Job("theirs", 1.0, (), ()), [document.problem("hm", ("boards",), warning=True)]

    installed["lava_dispatcher.job_parsers"]["theirs"] = Theirs
    job, warnings = read({"boards": 2})
    assert job.name == "theirs"
    assert str(warnings[0]) == "job.json:2:12: warning: hm"


class WithoutParse:
    """A job parser of another package that lacks `parse`."""

    def accepts(self, document):
        """Accept each document."""
        return True


def test_target_aims_a_single_board_job(read, refused, seed):
    """--target sets or replaces the device of a single-device job; a group has several."""
    job = {"timeout": 1, "actions": [{"command": "boot_linaro_image"}]}
    assert read(job, target="p7")[0].roles[0].device == "p7"
    assert read({**job, "target": "p1"}, target="p7")[0].roles[0].device == "p7"
    (problem,) = refused(seed, target="p7")
    assert "cannot run on one device (p7)" in problem
    assert "'target' has the wrong format" in refused(job, target="../p")[0]


def test_the_documents_example_is_a_job(read):
    """The example of the reference can be copied."""
    page = Path(__file__).parents[2] / "docs" / "reference" / "job-file.md"
    block = page.read_text().split("## A group of boards")[1].split("\n\n")[1]
    job, warnings = read(textwrap.dedent(block))
    assert (job.size, len(job.actions), warnings) == (3, 3, [])


def _paths(data, path=()):
    yield path
    items = enumerate(data) if isinstance(data, list) else ()
    for step, part in data.items() if isinstance(data, dict) else items:
        yield from _paths(part, (*path, step))


JUNK = st.one_of(
    st.none(), st.booleans(), st.integers(-2, 1001), st.floats(allow_nan=False, width=16),
    st.sampled_from(["", "omap4", "panda", "role", "x" * 300, "é\n"]),
    st.just([]), st.just({}), st.just([[]]), st.just({"role": {}}), st.just([None]),
)  # fmt: skip


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_mutation_is_a_job_or_problems_inside_the_file(read, seed, data):
    """Values that are replaced, removed and added anywhere never cause a traceback."""
    job = copy.deepcopy(seed)
    for _ in range(data.draw(st.integers(1, 3))):
        *way, last = data.draw(st.sampled_from([p for p in _paths(job) if p]))
        here = job
        for step in way:
            here = here[step]
        change = data.draw(st.sampled_from(["replace", "remove", "add"]))
        if change == "remove":
            del here[last]
        elif change == "add" and isinstance(here, dict):
            # A copy: changes must not affect the next example.
            here[data.draw(st.sampled_from(["rol", "timeout", "target", "zz", "protocols"]))] = (
                copy.deepcopy(data.draw(JUNK))
            )
        else:
            here[last] = copy.deepcopy(data.draw(JUNK))
        if not job:
            break
    text = json.dumps(job, indent=1)
    rows = text.split("\n")
    try:
        parsed, warnings = read(text)
    except InvalidJob as error:
        found = list(error.problems)
        refused = True
    else:
        assert isinstance(parsed, Job)
        found = warnings
        refused = False
    assert refused is not all(problem.warning for problem in found)
    assert found == sorted(found)
    for problem in found:
        assert 1 <= problem.line <= len(rows)
        assert 1 <= problem.column <= len(rows[problem.line - 1]) + 1


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_damage_to_the_text_is_a_job_or_problems(read, seed, data):
    """Characters that are deleted, doubled or inserted, as by a slip in an editor."""
    text = json.dumps(seed, indent=1)
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start, min(start + 40, len(text))))
    put = data.draw(st.text(alphabet='{}[]",:\n\t ab1é\\#&*', max_size=4))
    name = data.draw(st.sampled_from(["j.json", "j.yaml"]))
    damaged = text[:start] + put + text[end:]
    try:
        _, found = read(damaged, file=name)
    except InvalidJob as error:
        found = error.problems
        assert found
    rows = damaged.count("\n") + 1
    assert all(0 <= problem.line <= rows for problem in found)
