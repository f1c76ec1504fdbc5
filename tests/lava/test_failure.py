"""LAVA's kinds of errors, and the exit codes that they have here."""

from __future__ import annotations

import pytest

from lava_dispatcher_multinode.lava.failure import convert_failure


@pytest.mark.parametrize(
    ("kind", "validated", "code", "said"),
    [
        ("Test", True, 1, "LAVA: m"),
        ("MultinodeTimeout", True, 1, "LAVA: m"),
        ("Canceled", True, 130, "LAVA: m"),
        ("Job", False, 2, "before using the board"),
        ("Configuration", False, 2, "n: LAVA: m"),
        ("Job", True, 3, "LAVA: m (Job)"),
        ("Infrastructure", True, 3, "LAVA: m"),
        ("Bug", True, 3, "LAVA: m (Bug)"),
        ("", False, 3, "LAVA: m"),
    ],
)
def test_each_kind(kind, validated, code, said):
    """A refusal is the job's fault only before the board was used."""
    error = convert_failure("n", kind, "m", validated=validated)
    assert int(error.exit_code) == code
    assert said in str(error)
