"""Exit codes and problems, as documented."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lava_dispatcher_multinode import errors
from lava_dispatcher_multinode.errors import ExitCode, InvalidJob, Problem, worst


def test_the_contract_s_numbers():
    """Exit codes do not change: scripts and CI rely on them."""
    assert [int(code) for code in ExitCode] == [0, 1, 2, 3, 4, 5, 70, 130]


@given(
    st.lists(
        st.sampled_from(
            [
                ExitCode.BUG,
                ExitCode.INFRASTRUCTURE,
                ExitCode.TEST_FAILED,
                ExitCode.NOTHING_RAN,
                ExitCode.PASS,
            ]
        ),
        min_size=1,
    )
)
def test_the_worst_code_wins(codes):
    """A run's code is the worst of its nodes: 70 > 3 > 1 > 5 > 0."""
    order = [70, 3, 1, 5, 0]
    assert worst(codes) == min(codes, key=lambda code: order.index(int(code)))


def test_of_nothing_nothing_ran():
    """A run without nodes is not a pass."""
    assert worst([]) is ExitCode.NOTHING_RAN


@pytest.mark.parametrize(
    ("problem", "text"),
    [
        (Problem("j.json", 3, 7, "no", "did you mean yes?"), "j.json:3:7: no (did you mean yes?)"),
        (Problem("j.json", 0, 0, "empty"), "j.json: empty"),
        (Problem("j.json", 1, 1, "old", warning=True), "j.json:1:1: warning: old"),
    ],
)
def test_a_problem_is_one_line_that_editors_understand(problem, text):
    """Problems have the form FILE:LINE:COL: message, which editors recognise."""
    assert str(problem) == text


def test_an_invalid_job_lists_every_problem():
    """The message lists all problems, one per line."""
    text = str(InvalidJob([Problem("a", 1, 1, "x"), Problem("a", 2, 1, "y")]))
    assert text == "a:1:1: x\na:2:1: y"


def test_the_tree_in_the_docstring_is_the_tree():
    """The module's docstring names all failures and no others."""
    classes = {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, Exception)
    }
    assert errors.__doc__ is not None
    listed = {line.split("`")[1] for line in errors.__doc__.splitlines() if "* `" in line}
    assert listed == classes
