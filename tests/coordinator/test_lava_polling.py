"""Polled calls and the aggregation of result bundles."""

import pytest

from lava_dispatcher_multinode.coordinator import lava_polling
from lava_dispatcher_multinode.coordinator.lava_polling import (
    MAX_POLLED_CALLS,
    MIN_POLL_GRACE_S,
    BundleCollector,
    PolledCalls,
)
from lava_dispatcher_multinode.multinode.api import Api, Call, Outcome, Status, refused

DONE = Outcome(Status.DONE)
CALL = Call(Api.SYNC, "x")


@pytest.fixture
def made():
    """Return the list of calls made in the group."""
    return []


@pytest.fixture
def polls(made):
    """Return the polled calls of a group that records them."""
    return PolledCalls(lambda *call, again=False: made.append((*call, again)))


def test_a_call_is_one_from_its_first_poll_to_its_answer(polls, made):
    """The outcome is kept for the next poll; a later poll is a new call."""
    polled = polls.poll("a", CALL, 1.0, 0.0)
    assert polled.outcome is None
    assert polls.poll("a", CALL, 1.0, 1.0) is polled
    assert made == [("a", CALL, polled, 0.0, False)]
    assert polls.poll("b", CALL, 1.0, 1.0) is not polled
    assert polls.poll("a", Call(Api.WAIT, "x"), 1.0, 1.0) is not polled
    polled.send_outcome(CALL, DONE)
    assert polls.poll("a", CALL, 1.0, 2.0).outcome is DONE
    assert polls.poll("a", CALL, 1.0, 3.0) is not polled
    assert [(node, again) for node, _, _, _, again in made] == [
        ("a", False),
        ("b", False),
        ("a", False),
        ("a", False),
    ]


def test_a_call_that_is_not_polled_does_not_count_as_waiting(polls, made):
    """A call expires after several poll delays; the next poll resumes it."""
    polled = polls.poll("a", CALL, 1.0, 0.0)
    polls.poll("a", CALL, 1.0, 5.0)
    assert polls.deadlines.next() == 5.0 + MIN_POLL_GRACE_S
    assert list(polls.expire(5.0 + MIN_POLL_GRACE_S)) == [polled]
    polled.send_outcome(CALL, refused("cancelled"))
    assert polled.outcome is None
    assert polls.poll("a", CALL, 30.0, 20.0) is polled
    assert made[1:] == [("a", CALL, polled, 20.0, True)]
    assert polls.deadlines.next() == 20.0 + lava_polling.POLL_GRACE_DELAYS * 30.0
    polled.send_outcome(CALL, DONE)
    assert polls.deadlines.next() is None
    assert polls.poll("a", CALL, 30.0, 21.0).outcome is DONE


def test_open_calls_are_bounded(polls):
    """Each member has its own limit; completed calls do not count."""
    opened = [polls.poll("a", Call(Api.WAIT, str(n)), 1.0, 0.0) for n in range(MAX_POLLED_CALLS)]
    assert polls.poll("a", CALL, 1.0, 0.0) is None
    assert polls.poll("b", CALL, 1.0, 0.0)
    opened[0].send_outcome(Call(Api.WAIT, "0"), DONE)
    polls.poll("a", Call(Api.WAIT, "0"), 1.0, 1.0)
    assert polls.poll("a", CALL, 1.0, 1.0)


def test_bundles_are_for_the_one_with_sub_id_zero():
    """It waits for all bundles, and two more polls for the uploads."""
    bundles = BundleCollector()
    assert bundles.add("a", "1", "7.0", 2) == {"response": "wait"}
    assert bundles.add("b", None, "7.1", 2) == {"response": "ack"}
    answers = [bundles.add("a", "1", "7.0", 2) for _ in range(3)]
    assert [answer["response"] for answer in answers] == ["wait", "wait", "ack"]
    assert answers[-1]["message"] == {"bundle": {"a": "1", "b": None}}
