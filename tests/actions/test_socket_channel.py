"""What a board is given, and what becomes of calls that no console saw."""

from lava_dispatcher_multinode.actions.socket_channel import Direct
from lava_dispatcher_multinode.multinode.api import Api, Call, Outcome, Status

CALL, DONE = Call(Api.WAIT_ALL, "X", question="1-2"), Outcome(Status.DONE)


def test_the_file_of_a_board():
    """One line for the script; a board without the channel has none."""
    direct = Direct()
    direct.allow("panda,1", ("10.0.2.2", 99), "s3")
    assert direct.file("panda,1") == b"10.0.2.2 99 panda%0541,s3,\n"
    assert direct.file("other") is None


def test_results_go_to_the_test_that_runs():
    """A session that takes the call records it; otherwise it is recorded as no definition's."""
    direct, heard, events = Direct(), [], []

    def emit(event, /, **fields):
        events.append((event, fields["definition"], fields["case"], fields["result"]))

    with direct.heard_by("a", lambda call, outcome: not heard.append((call, outcome))):
        direct.answered(emit, lambda: 1.0, "a", CALL, DONE)
        assert (heard, events) == ([(CALL, DONE)], [])
        direct.answered(emit, lambda: 1.0, "b", CALL, DONE)
    direct.answered(emit, lambda: 1.0, "a", CALL, Outcome(Status.TIMEOUT))
    assert events == [
        ("test_case", "lava", "multinode-wait_all-x", "pass"),
        ("test_case", "lava", "multinode-wait_all-x", "fail"),
    ]
