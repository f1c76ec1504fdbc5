"""Lines of boards: a call in one line and its reply in one, for scripts with a plain socket.

    <LAVA_MN Q ID 1/1 SUM PAYLOAD>   a call: NODE, SECRET, and the words of the call
    <LAVA_MN A ID SUM>               acknowledges the line with that SUM
    <LAVA_MN R ID 1/1 SUM PAYLOAD>   its reply: EXIT-CODE, SENTENCE, and the data

The grammar is the console channel's, in one part. See docs/reference/coordinator.md.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, NamedTuple

from .. import console_frames
from ..multinode.api import SCRIPT_EXIT, Status
from ..multinode.board_words import format_reply as reply_words
from ..multinode.board_words import parse_call
from .pending_replies import ReplyHandle
from .protocol import BoardLineError, encode_reply, reply_to_call

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..multinode.api import Call, Outcome
    from .pending_replies import ClientSession

#: Calls of one board whose replies are kept, and characters of data in these replies.
MAX_CACHED_REPLIES, MAX_CACHED_CHARS = 1000, 1024 * 1024
#: The ID in the reply to a line whose own ID cannot be read.
UNKNOWN_ID = "0-0"

_LINE = re.compile(
    rb"<LAVA_MN Q (?P<id>[0-9a-f]{1,16}-[0-9]{1,10}) 1/1 (?P<sum>[0-9a-f]{1,10})"
    rb" (?P<payload>[!-;=?-~]*)>\r?"
)


class BoardRequest(NamedTuple):
    """The content of a valid line; its credentials are not checked."""

    id: str
    node: str
    secret: str
    sum: bytes
    call: Call


def parse_line(line: bytes) -> BoardRequest:
    """Return the call in a line; `BoardLineError`, with the ID if it can be read."""
    match = _LINE.fullmatch(line)
    if match is None:
        raise BoardLineError("not a line '<LAVA_MN Q ID 1/1 SUM PAYLOAD>'")
    id_ = match["id"].decode()
    part = console_frames.DataFrame(b"Q", match["id"], 1, 1, match["payload"])
    if match["sum"] not in console_frames.both_checksums(part.text):
        raise BoardLineError("the checksum does not fit the line", id_)
    try:
        node, secret, *words = console_frames.decode(part.payload)
        name, proof = node.decode("utf-8"), secret.decode("utf-8")
        return BoardRequest(id_, name, proof, match["sum"], parse_call(words, id_))
    except ValueError as error:  # UnicodeDecodeError is one
        raise BoardLineError(f"not a valid call: {error}", id_) from None


def format_acknowledgement(request: BoardRequest) -> bytes:
    """Return the line that acknowledges `request`."""
    return console_frames.AckFrame(b"A", request.id.encode(), request.sum).line()


def format_reply(request: BoardRequest, call: Call, outcome: Outcome) -> bytes:
    """Return the line that replies to `request`."""
    return _format(request.id, reply_words(call, outcome))


def format_refusal(id_: str | None, sentence: str) -> bytes:
    """Return the line that refuses a line."""
    code = str(SCRIPT_EXIT[Status.REFUSED])
    return _format(id_ or UNKNOWN_ID, [code.encode(), sentence.encode("utf-8", "surrogateescape")])


def _format(id_: str, words: list[bytes]) -> bytes:
    return console_frames.DataFrame(b"R", id_.encode(), 1, 1, console_frames.encode(words)).line()


class ReplyRoute(NamedTuple):
    """The route of the reply to a board's call: in a line, or in a frame to its dispatcher."""

    session: ClientSession
    id: Any = None  # of the request, if it came in a frame
    line: BoardRequest | None = None  # if it came in a line

    def send(self, call: Call, outcome: Outcome) -> None:
        """Send the reply."""
        if self.line is not None:
            reply = format_reply(self.line, call, outcome)
        else:
            reply = encode_reply(reply_to_call(outcome, call, hold=True), self.id)
        self.session.peer.write(reply)


class ReplyCache:
    """The calls of one board by ID, so that a call that is sent again is not made again.

    A script that has lost its connection repeats its line, and a recorded line that is
    played back can at most get the same reply. `pending`: the calls that wait.
    `replies`: each remembered call, with its reply and size, or None while there is none.
    """

    def __init__(self) -> None:
        self.pending: dict[str, PendingBoardCall] = {}
        self.replies: OrderedDict[str, tuple[Call, Outcome, int] | None] = OrderedDict()
        self._chars = 0

    def begin(self, id_: str) -> bool:
        """Record a call; return whether it was made before."""
        known = id_ in self.replies
        self.replies.setdefault(id_, None)
        self._evict()
        return known

    def store(self, id_: str, call: Call, outcome: Outcome) -> None:
        """Keep the reply to a call."""
        del self.pending[id_]
        chars = sum(len(key) + len(text) for _, data in outcome.data for key, text in data.items())
        self.replies[id_] = (call, outcome, chars)
        self._chars += chars
        self._evict()

    def _evict(self) -> None:
        """Drop the oldest calls until the bounds hold; the newest stays."""
        while len(self.replies) > MAX_CACHED_REPLIES or (
            self._chars > MAX_CACHED_CHARS and len(self.replies) > 1
        ):
            _, answered = self.replies.popitem(last=False)
            self._chars -= answered[2] if answered else 0


class PendingBoardCall(ReplyHandle):
    """A call of a board that waits. Its reply takes the route of its last request."""

    __slots__ = ("_cache", "_id", "_on_reply", "route")

    def __init__(
        self,
        cache: ReplyCache,
        id_: str,
        route: ReplyRoute,
        on_reply: Callable[[str, Call, Outcome], None] | None,
    ) -> None:
        self._cache = cache
        self._id = id_
        self._on_reply = on_reply
        self.route = route
        route.session.pending.add(self)
        cache.pending[id_] = self

    def send_outcome(self, call: Call, outcome: Outcome) -> None:
        """Store and send the reply; call `on_reply` first if the call came in a line."""
        route = self.route
        if self in route.session.pending:
            route.session.pending.remove(self)
            self._cache.store(self._id, call, outcome)
            if route.line is not None and self._on_reply is not None:
                self._on_reply(route.line.node, call, outcome)
            route.send(call, outcome)

    def matches(self, _id: object) -> bool:
        """Return True if the call came in that request; no request cancels a call from a line."""
        return self.route.line is None and bool(self.route.id == _id)

    def drop(self) -> None:
        """Let the board make the call again."""
        del self._cache.pending[self._id]

    def reroute(self, route: ReplyRoute) -> None:
        """Change the route: the board has reconnected, or uses its console now."""
        before = self.route
        self.route = route
        if before.session is not route.session:
            before.session.pending.discard(self)
            route.session.pending.add(self)
            if before.line is not None:
                before.session.peer.hang_up()


class BoardCalls:
    """The calls of all boards; `on_reply(node, call, outcome)` for those that come in lines."""

    def __init__(self, on_reply: Callable[[str, Call, Outcome], None] | None = None) -> None:
        self._caches: dict[str, ReplyCache] = {}
        self._on_reply = on_reply

    def register(
        self, node: str, id_: str, route: ReplyRoute
    ) -> tuple[PendingBoardCall | None, bool]:
        """Return the call if the group must get it, and whether it was made before.

        Otherwise its reply is sent on `route`, now or later.
        """
        cache = self._caches.setdefault(node, ReplyCache())
        known = cache.begin(id_)
        if (answered := cache.replies[id_]) is not None:
            call, outcome, _ = answered
            route.send(call, outcome)
        elif (pending := cache.pending.get(id_)) is not None:
            pending.reroute(route)
        else:
            return PendingBoardCall(cache, id_, route, self._on_reply), known
        return None, known
