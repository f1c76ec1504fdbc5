"""The socket channel: the device's file, and calls that the console never shows."""

import pytest

from lava_dispatcher_multinode.actions.socket_channel import SocketChannels, record_call
from lava_dispatcher_multinode.multinode.api import Api, Call, Outcome, Status

CALL, DONE = Call(Api.WAIT_ALL, "X", request_id="1-2"), Outcome(Status.DONE)


@pytest.fixture
def events():
    """The recorded results."""
    return []


@pytest.fixture
def channels(events):
    """The channels of a run, with a constant clock."""

    def emit(event, /, **fields):
        events.append((event, fields["definition"], fields["case"], fields["result"]))

    return SocketChannels(emit, lambda: 1.0)


def test_the_file_of_a_device(channels):
    """One line for the script; a device without the channel has none."""
    channels.allow("panda,1", ("10.0.2.2", 99), "s3")
    assert channels.file("panda,1") == b"10.0.2.2 99 panda%0541,s3,\n"
    assert channels.file("other") is None


def test_results_go_to_the_test_that_runs(channels, events):
    """A session that takes the call records it; otherwise it belongs to no definition."""
    heard = []
    with channels.subscribed("a", lambda call, outcome: not heard.append((call, outcome))):
        channels.record_reply("a", CALL, DONE)
        assert (heard, events) == ([(CALL, DONE)], [])
        channels.record_reply("b", CALL, DONE)
    channels.record_reply("a", CALL, Outcome(Status.TIMEOUT))
    assert events == [
        ("test_case", "lava", "multinode-wait_all-x", "pass"),
        ("test_case", "lava", "multinode-wait_all-x", "fail"),
    ]


def test_a_call_is_a_result_of_its_own():
    """Only a completed call passes; the result has the usual name of a call."""
    recorded = []

    def emit(event, **fields):
        recorded.append((event, fields["node"], fields["case"], fields["result"], fields["end"]))

    for status in (Status.DONE, Status.NEVER):
        record_call(emit, "panda01", Call(Api.WAIT_ALL, "x"), Outcome(status), None, 2.0)
    assert recorded == [
        ("test_case", "panda01", "multinode-wait_all-x", "pass", 2.0),
        ("test_case", "panda01", "multinode-wait_all-x", "fail", 2.0),
    ]
