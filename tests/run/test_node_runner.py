"""How a node's end is reported, whichever host has run it."""

import errno

import pytest

from lava_dispatcher_multinode.errors import InfrastructureError, TestError
from lava_dispatcher_multinode.run.node_runner import run_to_end


class Runner:
    """A runner that raises what it is given."""

    name, role = "n1", "r"

    def __init__(self, failure):
        self._failure = failure

    def run(self):
        """Fail, unless there is nothing to raise."""
        if self._failure is not None:
            raise self._failure

    def cancel(self, reason):
        """Do nothing."""


@pytest.mark.parametrize(
    ("failure", "status", "kind", "text"),
    [
        (None, "pass", None, "None"),
        (TestError("no ping"), "fail", "test", "no ping"),
        (InfrastructureError("no power"), "error", "infrastructure", "no power"),
        (OSError(errno.ENOSPC, "no space"), "error", "infrastructure", "n1: "),
        (KeyError("x"), "error", "bug", "KeyError: 'x' ("),
        (SystemExit(1), "error", "bug", "SystemExit: 1 ("),
    ],
)
def test_each_end_is_an_event_with_its_kind(failure, status, kind, text):
    """A failure of the test, of the host, and a bug differ; a bug has its traceback in the log."""
    events = []
    returned = run_to_end(Runner(failure), lambda event, **fields: events.append((event, fields)))
    event, fields = events.pop()
    assert event == "node_finished"
    assert (fields["node"], fields["status"], fields["error_type"]) == ("n1", status, kind)
    assert str(fields["error"]).startswith(text)
    assert returned == fields["error"]
    assert [fields["level"] for _, fields in events] == ["CRITICAL"] * (kind == "bug")
