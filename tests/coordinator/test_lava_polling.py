"""Calls asked again and again, and bundles."""

from lava_dispatcher_multinode.coordinator import lava_polling
from lava_dispatcher_multinode.coordinator.lava_polling import LEAST, MAX_POLLS, Bundles, Polls
from lava_dispatcher_multinode.multinode.api import Api, Call, Outcome, Status

DONE = Outcome(Status.DONE)
CALL = Call(Api.SYNC, "x")
KEY = Polls.key("a", CALL)


def test_a_call_is_one_from_its_first_poll_to_its_answer():
    """The answer is kept until asked for, and then the same call is a new one."""
    polls = Polls(put=None)
    assert polls.find(KEY) is None
    poll = polls.start(KEY)
    assert polls.find(Polls.key("a", CALL)) is poll
    assert polls.find(Polls.key("b", CALL)) is None
    assert polls.find(Polls.key("a", Call(Api.WAIT, "x"))) is None
    poll.answer(CALL, DONE)
    assert polls.find(KEY).outcome is DONE
    polls.end(poll)
    assert polls.find(KEY) is None


def test_who_stops_asking_does_not_count_as_waiting():
    """It lapses after several of its own poll delays, and resumes where it was."""
    polls = Polls(put=None)
    poll = polls.start(KEY)
    polls.asked(poll, 0.0, 1.0)
    polls.asked(poll, 5.0, 1.0)
    assert polls.deadlines.next() == 5.0 + LEAST
    assert list(polls.lapse(5.0 + LEAST)) == [poll]
    poll.answer(CALL, Outcome(Status.REFUSED))
    assert poll.lapsed
    assert poll.outcome is None
    poll.resume()
    polls.asked(poll, 20.0, 30.0)
    assert polls.deadlines.next() == 20.0 + lava_polling.PATIENCE * 30.0
    poll.answer(CALL, DONE)
    assert poll.outcome is DONE
    assert polls.deadlines.next() is None


def test_open_calls_are_bounded():
    """For each member by itself."""
    polls = Polls(put=None)
    opened = [polls.start(("a", "wait", str(n), None)) for n in range(MAX_POLLS)]
    assert polls.full("a")
    assert not polls.full("b")
    polls.end(opened[0])
    assert not polls.full("a")


def test_bundles_are_for_the_one_with_sub_id_zero():
    """It waits for all, and twice more while they upload."""
    bundles = Bundles()
    assert bundles.add("a", "1", "7.0", 2) == {"response": "wait"}
    assert bundles.add("b", None, "7.1", 2) == {"response": "ack"}
    answers = [bundles.add("a", "1", "7.0", 2) for _ in range(3)]
    assert [answer["response"] for answer in answers] == ["wait", "wait", "ack"]
    assert answers[-1]["message"] == {"bundle": {"a": "1", "b": None}}


def test_a_poll_puts_its_call_once_and_again_after_a_lapse():
    """The group is asked when it has to be; an answer is given once, and then all is new."""
    put = []
    polls = Polls(lambda *call, again=False: put.append((*call, again)))
    first = polls.ask("a", CALL, 1.0, 0.0)
    assert polls.ask("a", CALL, 1.0, 1.0) is first
    assert put == [("a", CALL, first, 0.0, False)]
    assert list(polls.lapse(1.0 + LEAST)) == [first]
    assert polls.ask("a", CALL, 1.0, 30.0) is first
    assert put[1:] == [("a", CALL, first, 30.0, True)]
    first.answer(CALL, DONE)
    assert polls.ask("a", CALL, 1.0, 31.0).outcome is DONE
    assert polls.find(KEY) is None


def test_who_has_too_many_calls_open_is_not_served(monkeypatch):
    """Others are."""
    monkeypatch.setattr(lava_polling, "MAX_POLLS", 1)
    polls = Polls(lambda *_, **__: None)
    assert polls.ask("a", CALL, 1.0, 0.0)
    assert polls.ask("a", Call(Api.WAIT, "y"), 1.0, 0.0) is None
    assert polls.ask("b", CALL, 1.0, 0.0)
