"""Test definitions as data."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lava_dispatcher_multinode.errors import InvalidJob
from lava_dispatcher_multinode.job.model import Position
from lava_dispatcher_multinode.job.source import from_bytes
from lava_dispatcher_multinode.overlay.definition import (
    GitRepository,
    TestDefinition,
    parse_definition,
    read_expected,
    read_parameters,
)
from lava_dispatcher_multinode.testshell.matcher import Pattern

FULL = """\
metadata:
  format: Lava-Test Test Definition 1.0
  name: full
  description: everything
  os: [debian]
  anything: else
params: {A: "1", B: 2, C: null}
install:
  keys: [https://example.com/key.asc]
  sources: [deb http://example.com stable main]
  deps: [curl, wget]
  deps-ubuntu: [u]
  steps: ["make"]
  git-repos:
    - https://example.com/a.git
    - {url: "https://example.com/b.git", branch: v1, destination: bee}
    - {url: "https://example.com/c.git", skip_by_default: true}
  bzr-repos: [lp:x]
run:
  steps:
    - true
    - echo a
    -
    - "false"
    - 42
parse:
  pattern: "(?P<test_case_id>.*): (?P<result>.*)"
  fixupdict: {PASS: pass, FAIL: fail}
handler: {handler-name: x}
"""


def read(text, name=None, tmp_path=None):
    """Return the definition in `text`."""
    document = from_bytes(text.encode(), "t.yaml", tmp_path)
    return parse_definition(document.data, lambda *path: document.position(path), name)


def test_everything_that_is_known(tmp_path):
    """Each part gets where it belongs; what is not known is ignored, as LAVA does."""
    assert read(FULL, None, tmp_path) == TestDefinition(
        name="full",
        description="everything",
        params={"A": "1", "B": "2", "C": ""},
        keys=("https://example.com/key.asc",),
        sources=("deb http://example.com stable main",),
        dependencies=("curl", "wget"),
        distribution_dependencies={"ubuntu": ("u",)},
        install_steps=("make",),
        repositories=(
            GitRepository("https://example.com/a.git"),
            GitRepository("https://example.com/b.git", "v1", "bee"),
        ),
        steps=("true", "echo a", "false", "42"),
        pattern="(?P<test_case_id>.*): (?P<result>.*)",
        fixupdict={"PASS": "pass", "FAIL": "fail"},
    )


def test_the_least(tmp_path):
    """A name and steps are enough; one step needs no list; the job's name wins."""
    text = "{metadata: {name: a}, run: {steps: ls}}"
    assert read(text, None, tmp_path) == TestDefinition("a", steps=("ls",))
    assert read(text, "b", tmp_path).name == "b"
    assert read("{run: {steps: []}}", "b", tmp_path) == TestDefinition("b")


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        (
            "metadata: {name: a}\nrun: {steps: []}\nexpected: one\n",
            "t.yaml:3:11",
            "expected: [one-case, another-case]",
        ),
        (
            "metadata: {name: a}\nrun: {steps: []}\nexpected: [a, 1]\n",
            "t.yaml:3:15",
            "quotes",
        ),
        ("[1]\n", "t.yaml:1:1", "must be a mapping"),
        ("metadata: {name: a}\n", "t.yaml:1:1", "no 'run'"),
        ("metadata: {}\nrun: {steps: []}\n", "t.yaml:1:11", "no name"),
        ("metadata: {name: ' '}\nrun: {steps: []}\n", "t.yaml:1:11", "no name"),
        (
            "metadata: {name: a, format: 'X 2'}\nrun: {steps: []}\n",
            "t.yaml:1:29",
            "unknown format",
        ),
        ("metadata: {name: a}\nrun:\n  steps:\n  - echo: b\n", "t.yaml:4:5", "quotes"),
        (
            "metadata: {name: a}\nrun: {steps: {a: b}}\n",
            "t.yaml:2:14",
            "steps must be a list of texts",
        ),
        (
            "metadata: {name: a}\nrun: {steps: []}\nparse: {fixupdict: [PASS]}\n",
            "t.yaml:3:20",
            "fixupdict must be a mapping",
        ),
        (
            "metadata: {name: a}\nrun:\n  step: [ls]\n",
            "t.yaml:3:3",
            "run has no 'steps' (it has: step",
        ),
        ("metadata: {name: a}\nrun: {}\n", "t.yaml:2:6", "run has no 'steps'"),
        ("metadata: {name: a}\nrun:\n", "t.yaml:2:5", "run has no 'steps'"),
        (
            "metadata: {name: a}\nrun: {steps: []}\nparse:\n  fixupdict: {OK: good}\n",
            "t.yaml:4:19",
            "'OK' becomes 'good', which is no result (pass, fail, skip or unknown)",
        ),
        ("metadata: {name: a}\nrun: []\n", "t.yaml:2:6", "run must be a mapping"),
        (
            "metadata: {name: a}\nrun: {steps: []}\nparse: {pattern: '('}\n",
            "t.yaml:3:18",
            "expression",
        ),
        (
            "metadata: {name: a}\nrun: {steps: []}\nparse: {pattern: x}\n",
            "t.yaml:3:18",
            "test_case_id",
        ),
        (
            "metadata: {name: a}\nrun: {steps: []}\nparse: {pattern: '(?P<test_case_id>.)'}\n",
            "t.yaml:3:18",
            "<result>",
        ),
        (
            "metadata: {name: a}\nrun: {steps: []}\nparams: {'A B': 1}\n",
            "t.yaml:3:17",
            "shell variable",
        ),
        (
            "metadata: {name: a}\nrun: {steps: []}\nparams: {A: [1]}\n",
            "t.yaml:3:13",
            "text or a number",
        ),
        (
            "metadata: {name: a}\nrun: {steps: []}\ninstall:\n  git-repos: [[x]]\n",
            "t.yaml:4:15",
            "git-repos must be",
        ),
        (
            "metadata: {name: a}\nrun: {steps: []}\ninstall:\n  git-repos: [a, {url: 1}]\n",
            "t.yaml:4:18",
            "git-repos must be",
        ),
    ],
)
def test_mistakes_have_a_place(text, place, said, tmp_path):
    """File, line and column, and what to do."""
    with pytest.raises(InvalidJob) as caught:
        read(text, None, tmp_path)
    (problem,) = caught.value.problems
    assert str(problem).startswith(place)
    assert said in str(problem)


@pytest.mark.parametrize(
    ("said", "repositories"),
    [
        ("https://a", [GitRepository("https://a")]),
        ("[https://a, null]", [GitRepository("https://a")]),
        ("{url: https://a, branch: 2.0}", [GitRepository("https://a", "2.0")]),
        ("[{url: https://a, destination: 7}]", [GitRepository("https://a", None, "7")]),
        ("[{url: https://a, skip_by_default: 'TRUE'}]", []),
        ("[{url: https://a, skip_by_default: false}]", [GitRepository("https://a")]),
        ("null", []),
    ],
)
def test_repositories(said, repositories, tmp_path):
    """One or several, an address or a mapping; a number is a text, as a branch may be one."""
    text = f"{{metadata: {{name: a}}, run: {{steps: []}}, install: {{git-repos: {said}}}}}"
    assert read(text, None, tmp_path).repositories == tuple(repositories)


def test_places_are_those_of_the_steps(tmp_path):
    """A step that fails is shown where it is written: those of install first."""
    text = "metadata: {name: a}\ninstall:\n  steps: [x, y]\nrun:\n  steps:\n  - z\n"
    places = read(text, None, tmp_path).places
    assert [(place.line, place.column) for place in places] == [(3, 11), (3, 14), (6, 5)]


def test_parameters_are_another_name_of_params(tmp_path):
    """LAVA knows both; where both are, params count."""
    text = "{metadata: {name: a}, run: {steps: []}, parameters: {A: 1}"
    assert read(text + "}", None, tmp_path).params == {"A": "1"}
    assert read(text + ", params: {B: 2}}", None, tmp_path).params == {"B": "2"}


def test_expected_cases(tmp_path):
    """A list of IDs, of the definition or of the job's entry."""
    text = "{metadata: {name: a}, run: {steps: []}, expected: [b, 'c d']}"
    assert read(text, None, tmp_path).expected == ("b", "c d")
    assert read_expected(["b"], lambda *_: Position("j")) == ("b",)
    assert read_expected(None, lambda *_: Position("j")) == ()
    with pytest.raises(InvalidJob, match="list of test case IDs"):
        read_expected("b", lambda *_: Position("j"))


def test_all_mistakes_at_once(tmp_path):
    """One run of --validate, one list."""
    with pytest.raises(InvalidJob) as caught:
        read("metadata: {}\nparams: 1\nrun: {steps: [[]]}\n", None, tmp_path)
    assert [problem.line for problem in caught.value.problems] == [1, 2, 3]


def test_variables_of_the_job():
    """Numbers and truth values become text as LAVA has it; names are shell variables."""
    here = Position("j", 1, 1)
    assert read_parameters({"A": True, "B": 1.5, "C": None}, lambda *_: here) == {
        "A": "True",
        "B": "1.5",
        "C": "",
    }
    with pytest.raises(InvalidJob, match=r"j:1:1: '\$\(x\)' cannot be a shell variable"):
        read_parameters({"$(x)": "1"}, lambda *_: here)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["metadata", "name", "run", "steps", "install", "deps", "git-repos", "url", "parse",
             "pattern", "fixupdict", "params", "format"]
        ),
        inner,
        max_size=5,
    ),
    max_leaves=12,
)  # fmt: skip


@given(JSON)
def test_any_data_is_a_definition_or_refused(data):
    """Definitions come from the network: no shape of data leads to another exception."""
    try:
        outcome = parse_definition(data, lambda *_: Position("x"))
    except InvalidJob as error:
        outcome = error.problems
    assert isinstance(outcome, TestDefinition) or len(outcome) > 0


@given(st.from_regex(r"[a(?P<test_caseidrul>).*|]{0,30}", fullmatch=True))
def test_a_pattern_that_is_accepted_can_be_used(pattern):
    """What is checked here is what the test shell needs later."""
    data = {"metadata": {"name": "a"}, "run": {"steps": []}, "parse": {"pattern": pattern}}
    with contextlib.suppress(InvalidJob):
        parse_definition(data, lambda *_: Position("x"))
        Pattern.compile(pattern)


def test_a_pattern_that_python_has_doubts_about():
    """It is accepted as in LAVA, and Python's deprecation warning is not shown."""
    pattern = "(?P<test_case_id>[[a]+) (?P<result>.*)"
    data = {"metadata": {"name": "a"}, "run": {"steps": []}, "parse": {"pattern": pattern}}
    assert parse_definition(data, lambda *_: Position("x")).pattern == pattern
    Pattern.compile(pattern)


def test_patterns_of_measurements():
    """A pattern without results is fine if it has measurements."""
    pattern = "(?P<test_case_id>.*) (?P<measurement>.*)"
    data = {"metadata": {"name": "a"}, "run": {"steps": []}, "parse": {"pattern": pattern}}
    assert parse_definition(data, lambda *_: Position("x")).pattern == pattern
    Pattern.compile(pattern)


def test_the_example_of_the_reference_is_a_definition(tmp_path):
    """What people copy works."""
    page = Path(__file__).parents[2] / "docs/reference/test-definitions.md"
    example, inline = re.findall(r"```yaml\n(.*?)```", page.read_text(), re.DOTALL)
    definition = read(example, None, tmp_path)
    assert definition.name == "iperf"
    pattern = Pattern.compile(definition.pattern)
    found = pattern.expression.search("bandwidth: 94.1 Mbit/s")
    assert found.groupdict() == {
        "test_case_id": "bandwidth", "measurement": "94.1", "units": "Mbit/s"
    }  # fmt: skip
    (data,) = from_bytes(inline.encode(), "t.yaml", tmp_path).data["definitions"]
    assert parse_definition(data, lambda *_: Position("x")).name == "smoke"
