"""What follows from the rules."""

from lava_dispatcher_multinode.coordinator.answers import Answers
from lava_dispatcher_multinode.coordinator.observer import MAX_NAMED, Reporter
from lava_dispatcher_multinode.coordinator.tickets import Ticket
from lava_dispatcher_multinode.multinode.api import Api, Call, Status
from lava_dispatcher_multinode.multinode.group import Group

WAIT, SEND, SYNC = Call(Api.WAIT_ALL, "x"), Call(Api.SEND, "x"), Call(Api.SYNC, "x")


class Kept(Ticket):
    """Keeps its answer."""

    def __init__(self):
        self.outcome = None

    def answer(self, call, outcome):
        """Keep it."""
        self.outcome = outcome


def group(*names):
    """Return a group of these devices."""
    return Group(dict.fromkeys(names, "r"), size=len(names), timeout=9, deadlock_grace=9)


def test_who_waits_is_answered_whether_or_not_anybody_is_told():
    """The record is for people; the barrier is for boards."""
    for observer in (None, lambda *_, **__: None):
        two, ticket = group("a", "b"), Kept()
        answers = Answers(two, Reporter(observer))
        answers.give(two.call("a", WAIT, ticket, 0.0))
        assert ticket.outcome is None
        answers.give(two.call("b", SEND, Kept(), 0.0))
        assert ticket.outcome.status is Status.DONE


def test_events_are_told_before_the_answers_that_they_explain():
    """A result never stands before the message that led to it, however many are released."""
    names = [f"n{number}" for number in range(200)]
    order, many = [], group(*names)
    reporter = Reporter(lambda event, **_: order.append(event))
    answers = Answers(many, reporter)

    class Noted(Kept):
        def answer(self, call, outcome):
            order.append("answered")

    for name in names[:-1]:
        answers.give(many.call(name, SYNC, Noted(), 0.0))
    reporter.tell(10_000)
    order.clear()
    answers.give(many.call(names[-1], SEND, Noted(), 0.0))
    assert order == ["message", *["wait_finished"] * 199, *["answered"] * 200]


def test_a_thousand_missing_names_are_not_listed():
    """The first few, and how many more."""
    names = [f"n{number}" for number in range(MAX_NAMED + 5)]
    many, told = group(*names), []
    reporter = Reporter(lambda event, **fields: told.append(fields))
    Answers(many, reporter).give(many.call("n0", WAIT, Kept(), 0.0))
    reporter.tell(9)
    assert told[0]["missing"] == names[1 : MAX_NAMED + 1]
    assert told[0]["missing_more"] == 4
