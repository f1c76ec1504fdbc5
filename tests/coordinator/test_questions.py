"""The questions of boards."""

from lava_dispatcher_multinode.coordinator.board_protocol import Question
from lava_dispatcher_multinode.coordinator.questions import Questions, Way
from lava_dispatcher_multinode.coordinator.tickets import Caller
from lava_dispatcher_multinode.multinode.api import Api, Call, Outcome, Status, refused

CALL = Call(Api.WAIT, "x")
ASKED = Question(id="1-1", node="a", secret="secret", sum=7, call=CALL)
DONE = Outcome(Status.DONE, (("b", {"k": "v"}),))


class Peer:
    """Keeps what it is sent."""

    def __init__(self):
        self.sent, self.left = [], False

    def write(self, line):
        """Keep a line."""
        self.sent.append(line)

    def hang_up(self):
        """Note that it was sent away."""
        self.left = True


def frame(outcome, _call):
    """Return an answer as it would be sent."""
    return repr(outcome.data).encode()


def take(questions, caller, asked=ASKED):
    """Have a line asked over a connection."""
    return questions.take(asked.node, asked.id, Way(caller, None, asked, frame))


def test_who_asked_last_is_answered_and_who_asks_again_is_told_the_same():
    """The group is asked once; the connection before is closed."""
    questions = Questions()
    first, second, third = (Caller(Peer()) for _ in range(3))
    question, again = take(questions, first)
    assert not again
    assert take(questions, second) == (None, True)
    assert first.peer.left
    question.answer(CALL, DONE)
    assert take(questions, third) == (None, True)
    assert first.peer.sent == []
    assert second.peer.sent == third.peer.sent
    assert b"'k': 'v'" in third.peer.sent[0]
    assert [first.tickets, second.tickets, third.tickets] == [set(), set(), set()]


def test_a_board_that_comes_back_asks_the_same_question():
    """Its message was sent the first time; another board's question is its own."""
    questions = Questions()
    gone = Caller(Peer())
    question, _ = take(questions, gone)
    gone.tickets = set()
    question.drop()
    question.answer(CALL, refused("hung up"))
    assert gone.peer.sent == []
    anew, again = take(questions, Caller(Peer()))
    assert anew is not None
    assert again
    other, again = take(questions, Caller(Peer()), ASKED._replace(node="b"))
    assert other is not None
    assert not again
