"""How the end of LAVA's process is judged; whole runs are in tests/lava."""

from __future__ import annotations

import ipaddress
import threading
from types import SimpleNamespace

import pytest

from lava_dispatcher_multinode.errors import (
    ActionTimeout,
    Cancelled,
    InfrastructureError,
    InvalidJob,
    TestError,
)
from lava_dispatcher_multinode.run.lava_node import LavaNodeRun, _own_address, _signal


def judged(code, *, failure=None, finished=True, validated=True, late=None, cancelled=False):
    """Judge a process that has ended so."""
    event = threading.Event()
    if cancelled:
        event.set()
    shared = SimpleNamespace(cancelled=event)
    node = SimpleNamespace(_shared=shared, _late=late, name="n")
    log = SimpleNamespace(failure=failure, finished=finished, validated=validated)
    LavaNodeRun._judge(node, log, code)


def test_a_good_end():
    """Exit code 0 and the job's own last result; failed cases are the results' to count."""
    judged(0)


@pytest.mark.parametrize(
    ("code", "state", "kind", "said"),
    [
        (0, {"finished": False}, InfrastructureError, "exited with 0 before its job had ended"),
        (137, {"finished": False}, InfrastructureError, "killed by SIGKILL"),
        (1, {}, InfrastructureError, "exited with 1"),
        (128 + 77, {}, InfrastructureError, "killed by signal 77"),
        (1, {"failure": ("Test", "deadlock")}, TestError, "deadlock"),
        (1, {"failure": ("Infrastructure", "no power")}, InfrastructureError, "no power"),
        (1, {"failure": ("Job", "no url"), "validated": False}, InvalidJob, "no url"),
        (1, {"failure": ("Job", "x"), "late": "not done within 3 s"}, ActionTimeout, "within 3 s"),
        (1, {"failure": ("Job", "x"), "cancelled": True}, Cancelled, "interrupted"),
    ],
)
def test_each_bad_end_has_its_kind(code, state, kind, said):
    """What ended it comes before what LAVA says of being ended."""
    with pytest.raises(kind, match=said):
        judged(code, **state)


def test_names_of_signals_and_an_address():
    """What a user reads, and what LAVA is told without a network being asked."""
    assert (_signal(9), _signal(77)) == ("SIGKILL", "signal 77")
    assert ipaddress.ip_address(_own_address()).version == 4
