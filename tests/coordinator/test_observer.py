"""The events of a group, as an observer receives them."""

import pytest

from lava_dispatcher_multinode.coordinator import observer as module
from lava_dispatcher_multinode.coordinator.observer import EventNotifier
from lava_dispatcher_multinode.multinode.api import Api, Call, Missing, Outcome, Status, refused
from lava_dispatcher_multinode.multinode.topics import MemberCall, Message

WAIT = Call(Api.WAIT_ALL, "x", role="r")


def call(asked, outcome=None, seconds=0.0):
    """Return a call of a, waiting or completed."""
    return MemberCall(1, "a", asked, 0.0, outcome=outcome, seconds=seconds)


@pytest.fixture
def told():
    """Return a notifier and the list of its events."""
    events = []
    return EventNotifier(lambda event, **fields: events.append((event, fields))), events


def test_data_is_what_it_was_when_it_happened(told):
    """Later changes do not alter the data of an event."""
    notifier, events = told
    data = {"k": "v"}
    notifier.notify(Message("x", "a", data))
    notifier.notify(call(WAIT), Missing(("b",), 2, 1))
    data["k"] = "later"
    done = Outcome(Status.DONE, (("b", {}),))
    notifier.notify(call(WAIT, done, 2.5))
    who = {"node": "a", "api": "wait-all", "id": "x", "role": "r"}
    assert events[0] == ("message", {"id": "x", "from": "a", "data": {"k": "v"}})
    assert events[1] == (
        "wait_started",
        who | {"missing": ["b"], "missing_more": 2, "not_joined": 1},
    )
    assert events[2][1] == who | {
        "outcome": "done",
        "cause": "satisfied",
        "reason": "",
        "senders": ["b"],
        "seconds": 2.5,
    }


def test_a_send_is_reported_only_if_it_was_refused(told):
    """A successful send is reported by its message only."""
    notifier, events = told
    send = Call(Api.SEND, "x")
    notifier.notify(call(send, Outcome(Status.DONE)))
    notifier.notify(call(send, refused("why")))
    assert events == [("log", {"node": "a", "level": "WARNING", "text": "lava-send x: why"})]


def test_without_an_observer_refusals_are_logged_and_nothing_is_kept(caplog):
    """Without an observer, a limited number of refusals is logged."""
    notifier = EventNotifier(None)
    notifier.notify(Message("x", "a", {}))
    for number in range(2 * module.MAX_LOGGED_REFUSALS):
        notifier.log_refusal(f"no {number}")
    assert len(caplog.records) == module.MAX_LOGGED_REFUSALS
