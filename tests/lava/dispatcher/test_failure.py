"""How LAVA's dispatcher has ended, with the exit code that it has here."""

from __future__ import annotations

import pytest

from lava_dispatcher_multinode.errors import InfrastructureError, InvalidJob, TestError
from lava_dispatcher_multinode.lava.dispatcher.failure import failure_of, judge
from lava_dispatcher_multinode.lava.dispatcher.log import Log


@pytest.mark.parametrize(
    ("kind", "validated", "code", "said"),
    [
        ("Test", True, 1, "LAVA: m"),
        ("MultinodeTimeout", True, 1, "LAVA: m"),
        ("Canceled", True, 130, "LAVA: m"),
        ("Job", False, 2, "before it touched the board"),
        ("Configuration", False, 2, "n: LAVA: m"),
        ("Job", True, 3, "LAVA: m (Job)"),
        ("Infrastructure", True, 3, "LAVA: m"),
        ("Bug", True, 3, "LAVA: m (Bug)"),
        ("", False, 3, "LAVA: m"),
    ],
)
def test_each_kind(kind, validated, code, said):
    """A refusal is the job's fault only before the board was touched."""
    error = failure_of("n", kind, "m", validated=validated)
    assert int(error.exit_code) == code
    assert said in str(error)


def judged(code, *, failure=None, finished=True, validated=True, left_on=None, last=""):
    """Judge a process with this exit code, whose log said that."""
    log = Log("n", lambda *_, **__: None, lambda: 0.0, lambda _: None, [])
    log.failure, log.finished, log.validated = failure, finished, validated
    log.left_on, log.last = left_on, last
    judge("n", log, code)


def test_a_good_end():
    """Exit code 0 and the job's own last result; failed cases are the results' to count."""
    judged(0)


@pytest.mark.parametrize(
    ("code", "state", "kind", "said"),
    [
        (0, {"finished": False}, InfrastructureError, "exited with 0 before its job had ended"),
        (137, {"finished": False}, InfrastructureError, "killed by SIGKILL"),
        (1, {}, InfrastructureError, "exited with 1"),
        (1, {"last": "NoError: x"}, InfrastructureError, "its job had ended: NoError: x$"),
        (128 + 77, {}, InfrastructureError, "killed by signal 77"),
        (0, {"left_on": "no PDU"}, InfrastructureError, "NOT switched the board off: no PDU"),
        (1, {"failure": ("Test", "deadlock")}, TestError, "deadlock"),
        (0, {"failure": ("Infrastructure", "no power")}, InfrastructureError, "no power"),
        (1, {"failure": ("Job", "no url"), "validated": False}, InvalidJob, "no url"),
    ],
)
def test_each_bad_end_has_its_kind(code, state, kind, said):
    """LAVA's last word if it had one, else how its process went."""
    with pytest.raises(kind, match=said):
        judged(code, **state)
