"""Results of calls outside of definitions."""

from __future__ import annotations

from lava_dispatcher_multinode.actions.calls import record_call
from lava_dispatcher_multinode.multinode.api import Api, Call, Outcome, Status


def test_a_call_is_a_result_of_its_own():
    """By the name that calls have everywhere; only what is done has passed."""
    told = []

    def emit(event, **fields):
        told.append((event, fields["node"], fields["case"], fields["result"], fields["end"]))

    for status in (Status.DONE, Status.NEVER):
        record_call(emit, "panda01", Call(Api.WAIT_ALL, "x"), Outcome(status), None, 2.0)
    assert told == [
        ("test_case", "panda01", "multinode-wait_all-x", "pass", 2.0),
        ("test_case", "panda01", "multinode-wait_all-x", "fail", 2.0),
    ]
