"""Steps with syntax errors."""

import pytest

from lava_dispatcher_multinode.job.model import Position
from lava_dispatcher_multinode.overlay.definition import TestDefinition
from lava_dispatcher_multinode.overlay.syntax import check_script, check_steps


def found(*steps, install=()):
    """Return the warnings for these steps; step N is at line N."""
    places = tuple(Position("t.yaml", number, 7) for number in range(1, len(install + steps) + 1))
    return list(
        check_steps(TestDefinition("a", install_steps=install, steps=steps, places=places))
    )


@pytest.mark.parametrize(
    ("steps", "line"),
    [
        (("echo a", "if true; echo b; fi"), 2),
        (("echo a\necho b", "for x in a; then", "echo c"), 2),
        (("echo a", "echo 'b"), 2),
        (("if true; then", "echo b"), 2),
    ],
)
def test_a_slip_has_the_place_of_its_step(steps, line):
    """A typing error in a step shows before a board is booted, where it is."""
    (problem,) = found(*steps)
    assert (problem.file, problem.line, problem.warning) == ("t.yaml", line, True)
    assert problem.message.startswith("syntax error")


def test_steps_are_one_script():
    """A loop over several steps is right; install and run steps are two scripts."""
    assert found("for x in a b; do", "echo $x", "done", "exit 3", "touch /nonexistent/x") == []
    assert [p.line for p in found("done", install=("for x in a; do", "true"))] == [2, 3]
    assert found() == []


def test_nothing_is_run(tmp_path):
    """The text of a definition is never executed on this host."""
    assert found(f"touch {tmp_path}/made", f"x=$(touch {tmp_path}/made)") == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("#!bin/sh\ntrue\n", 1, "the board finds no 'bin/sh' (use an absolute path"),
        ("#!/bin/sh\r\ntrue\r\n", 1, "CR LF: the board finds no '/bin/sh'"),
        ("#!/bin/sh -e\nfor x in a; then\n", 2, "syntax error"),
    ],
)
def test_a_script_that_will_not_run(text, line, said):
    """What the shell on the board would call "not found" has a reason, and a place."""
    (problem,) = check_script("repo:go.sh", text)
    assert (problem.file, problem.line, problem.column, problem.warning) == (
        "repo:go.sh", line, 1, True,
    )  # fmt: skip
    assert said in str(problem)


@pytest.mark.parametrize(
    "text", ["", "true\n", "#!/bin/sh\ntrue\n", "#!/bin/bash\n[[ a ]] &&\n", "#! /usr/bin/env x\n"]
)
def test_scripts_that_may_run(text):
    """A warning that is wrong costs more than one that is missing."""
    assert list(check_script("go.sh", text)) == []
