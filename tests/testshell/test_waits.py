"""Calls without a reply."""

from lava_dispatcher_multinode.multinode.api import Api, Call
from lava_dispatcher_multinode.testshell.waits import PROBE_INTERVAL_S, ConsoleCalls

CALL = Call(Api.WAIT, "x")


def test_callers_are_probed_in_turn():
    """One caller is probed at a time; a call without a request ID is skipped."""
    waits = ConsoleCalls()
    assert waits.due() is None
    numbers = [waits.add(id_, CALL, 0.0) for id_ in (b"1-1", None, b"1-2")]
    assert waits.due() == PROBE_INTERVAL_S
    assert waits.probe(PROBE_INTERVAL_S - 0.1) is None
    asked = [waits.probe(PROBE_INTERVAL_S * n) for n in range(1, 5)]
    assert asked == [b"1-1", None, b"1-2", b"1-1"]
    for number in numbers:
        waits.pop(number)
    assert waits.due() is None
    assert waits.probe(1000.0) is None


def test_the_call_of_a_dead_caller_is_withdrawn():
    """A gone caller's call is withdrawn, at the end all open ones are, answered ones never."""
    waits, taken = ConsoleCalls(), []
    numbers = [waits.add(id_, CALL, 0.0) for id_ in (b"1-1", b"1-2", b"1-3")]
    for number in numbers:
        waits.set_cancel(number, lambda number=number: taken.append(number))
    waits.cancel_for(b"1-2")
    assert taken == [numbers[1]]
    waits.pop(numbers[0])
    waits.set_cancel(numbers[0], lambda: taken.append("too late"))
    assert {wait.id for wait in waits.cancel_all()} == {b"1-2", b"1-3"}
    assert taken == [numbers[1], numbers[1], numbers[2]]


def test_sentences_name_a_few():
    """The oldest call comes first."""
    waits = ConsoleCalls()
    for second in range(5):
        waits.add(b"1-1", Call(Api.WAIT, f"m{second}"), float(second))
    waits.probe(100.0)
    told = waits.describe(10.0)
    assert told[0] == "lava-wait m0 has been unanswered for 10 s"
    assert told[-1] == "and 2 more calls are unanswered"
    assert len(told) == 4
