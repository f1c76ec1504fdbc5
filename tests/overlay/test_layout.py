"""The paths and names on a board."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lava_dispatcher_multinode.errors import InvalidJob
from lava_dispatcher_multinode.overlay.layout import board_directory, run_name, runner_command


@pytest.mark.parametrize("job_id", ["", "a b", "../x", "a/b", "$(x)", "x" * 65, "a\n"])
def test_ids_that_cannot_be(job_id):
    """The id of a job is part of paths and of typed command lines."""
    with pytest.raises(InvalidJob, match="--job-id"):
        board_directory(job_id)


def test_paths():
    """What dispatcher and scripts agree on."""
    assert board_directory("a-1.B_") == "/lava-a-1.B_"
    assert runner_command("7", 1) == "/lava-7/bin/lava-test-runner /lava-7/1"


@given(st.text(max_size=200))
def test_run_names_are_one_plain_word(name):
    """Signals are split at blanks, file names at slashes, and the console is ASCII."""
    made = run_name(3, name)
    assert made.startswith("3_")
    assert len(made) <= 110
    assert made.isascii()
    assert not set(made) & set(" /<>\t\n'\"$")
