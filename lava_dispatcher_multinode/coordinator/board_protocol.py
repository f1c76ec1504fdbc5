"""Lines for boards: a call in one line and its answer in one, for scripts with a plain socket.

    <LAVA_MN Q ID 1/1 SUM PAYLOAD>   a question: NODE, SECRET, and the words of a call
    <LAVA_MN A ID SUM>               the question with that SUM has come
    <LAVA_MN R ID 1/1 SUM PAYLOAD>   its answer: EXIT-CODE, SENTENCE, and the data

The grammar is the console channel's, in one part. See docs/reference/coordinator.md.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple

from .. import console_frames
from ..multinode.api import SCRIPT_EXIT, Status
from ..multinode.board_words import parse_call
from .protocol import LineError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..multinode.api import Call, Outcome
    from .tickets import Ticket

#: Questions of one board that are remembered, and characters of data in their answers.
REMEMBERED, MAX_KEPT = 1000, 1024 * 1024
#: The ID in the answer to a line whose own cannot be read.
NO_ID = "0-0"

_QUESTION = re.compile(
    rb"<LAVA_MN Q (?P<id>[0-9a-f]{1,16}-[0-9]{1,10}) 1/1 (?P<sum>[0-9a-f]{1,10})"
    rb" (?P<payload>[!-;=?-~]*)>\r?"
)


class Question(NamedTuple):
    """A line that was understood; who it claims to be from is not checked."""

    id: str
    node: str
    secret: str
    sum: bytes
    call: Call


def read(line: bytes) -> Question:
    """Return the question in a line; raise `LineError`, with the ID if it can be read."""
    match = _QUESTION.fullmatch(line)
    if match is None:
        raise LineError("not a line '<LAVA_MN Q ID 1/1 SUM PAYLOAD>'")
    tag = match["id"].decode()
    part = console_frames.DataFrame(b"Q", match["id"], 1, 1, match["payload"])
    if match["sum"] not in console_frames.both_checksums(part.text):
        raise LineError("the checksum does not fit the line", tag)
    try:
        node, secret, *words = console_frames.decode(part.payload)
        name, proof = node.decode("utf-8"), secret.decode("utf-8")
        return Question(tag, name, proof, match["sum"], parse_call(words, tag))
    except ValueError as error:  # UnicodeDecodeError is one
        raise LineError(f"not a question: {error}", tag) from None


def acknowledgement(question: Question) -> bytes:
    """Return the line that says that the question has come, and waits if it must."""
    return console_frames.AckFrame(b"A", question.id.encode(), question.sum).line()


def answer(tag: str, words: Sequence[bytes]) -> bytes:
    """Return the line that answers the question `tag`."""
    return console_frames.DataFrame(b"R", tag.encode(), 1, 1, console_frames.encode(words)).line()


def refusal(tag: str | None, sentence: str) -> bytes:
    """Return the line that says no."""
    code = str(SCRIPT_EXIT[Status.REFUSED])
    return answer(tag or NO_ID, [code.encode(), sentence.encode("utf-8", "surrogateescape")])


class Asked:
    """The questions of one board by ID, so that one which comes again is not asked again.

    A script that lost its connection sends the same line once more, and whoever has
    recorded a line can at most hear its answer. `tickets`: of those that wait.
    `answers`: of those that are remembered, with their size; None while there is none.
    """

    def __init__(self) -> None:
        self.tickets: dict[str, Ticket] = {}
        self.answers: OrderedDict[str, tuple[Call, Outcome, int] | None] = OrderedDict()
        self._kept = 0

    def begin(self, tag: str) -> bool:
        """Note a question; return whether it was asked before."""
        before = tag in self.answers
        self.answers.setdefault(tag, None)
        self._forget()
        return before

    def end(self, tag: str, call: Call, outcome: Outcome) -> None:
        """Keep its answer."""
        del self.tickets[tag]
        size = sum(len(key) + len(text) for _, data in outcome.data for key, text in data.items())
        self.answers[tag] = (call, outcome, size)
        self._kept += size
        self._forget()

    def _forget(self) -> None:
        """Keep to the bounds; the newest stays."""
        while len(self.answers) > REMEMBERED or (self._kept > MAX_KEPT and len(self.answers) > 1):
            _, answered = self.answers.popitem(last=False)
            self._kept -= answered[2] if answered else 0
