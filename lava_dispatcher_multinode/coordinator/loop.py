"""The event loop of the coordinator: many connections, one thread, no polling.

Nothing that a connection sends, or fails to take, may stop the loop or make others
wait: every request has a bounded time to arrive, every connection a bounded turn,
bounded output and a bounded time to take it.
"""

from __future__ import annotations

import logging
import select
from typing import TYPE_CHECKING, Any

from ..multinode.deadlines import Deadlines, soonest
from .connection import END, GONE, READ, WATCHED, WRITE, Connection
from .listeners import Listeners
from .protocol import WireError
from .strangers import Strangers
from .wakeup import Commands
from .watched import Watched

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Sequence

    from .service import Service

logger = logging.getLogger(__name__)

#: Requests of one connection answered before others have their turn.
TURN = 16
#: Seconds for a new connection's first request, and for the rest of any request begun.
REQUEST_TIME = 30.0
#: Seconds in which a far end must take some of what is sent to it.
STALL_TIME = 60.0
#: Seconds to let a far end that is sent away read why; and for the last replies at the end.
LINGER_TIME = 2.0
#: Events that may be untold; told in a round, and in one in which nothing else is to do.
MAX_UNTOLD, TOLD, TOLD_IDLE = 10_000, 8, 64
#: Seconds; sleep no longer than this at a time.
LONGEST = 3600.0


class Loop:
    """Serves `service`, a group of `size`, on `listeners` until `stop` is posted.

    They are its own from now on.
    """

    def __init__(
        self,
        service: Service,
        listeners: Sequence[socket.socket],
        size: int,
        clock: Callable[[], float],
    ) -> None:
        self._service = service
        self._clock = clock
        # Not a selector of `selectors`, whose objects for every event cost as much as recv().
        self._poll = select.epoll()
        self._listeners = Listeners(listeners, self._poll)
        self._commands = Commands()
        self._poll.register(self._commands, READ)
        self._watched = Watched(self._poll)
        self._connections: set[Connection] = set()
        self._strangers = Strangers(size)
        self._backlog: dict[Connection, None] = {}  # with requests that wait for their turn
        self._touched: dict[Connection, None] = {}  # to be looked after at the end of a round
        self._overdue: Deadlines[Connection] = Deadlines()  # requests that must be complete
        self._stalled: Deadlines[Connection] = Deadlines()
        self._deadlines = self._overdue, self._stalled
        self._stop_at: float | None = None

    def post(self, command: Callable[[], None]) -> None:
        """Have `command` run in the loop's thread, soon; from any thread."""
        self._commands.post(command)

    def stop(self) -> None:
        """Answer all that is pending, send it, and return from `run`; in the loop's thread."""
        if self._stop_at is None:
            self._stop_at = self._clock() + LINGER_TIME  # first: whatever goes wrong, it ends
            self._service.abort("the coordinator has stopped", self._clock())

    def run(self) -> None:
        """Serve until stopped."""
        try:
            while self._stop_at is None or self._unsent():
                self._round()
        finally:
            for connection in list(self._connections):
                self._close(connection)
            self._listeners.close()
            self._commands.close()
            self._poll.close()
            self._service.reporter.tell(len(self._service.reporter))

    def _round(self) -> None:
        newcomers = []
        fed = []
        due = self._due()
        happened = self._poll.poll(self._patience(due))
        for number, events in happened:
            connection = self._watched.by_number.get(number)
            if connection is not None:
                try:
                    if self._happened(connection, events):
                        fed.append(connection)
                except Exception as error:  # noqa: BLE001 - one connection's, whatever it is
                    self._bug(error, connection)
            elif number in self._listeners:
                newcomers.append(number)
            else:
                self._commands.woken()
        # All is received before anything is done with it.
        if self._backlog:
            fed += self._backlog
        now = self._clock()
        for connection in fed:
            try:
                if not connection.closed:
                    self._requests(connection, now)
            except Exception as error:  # noqa: BLE001 - as above
                self._bug(error, connection)
        if self._commands.queue:
            for command in self._commands.take():
                self._guarded(command)
        # What was set in this round and is due already has its turn in the next.
        if due is not None and due <= self._clock():
            self._guarded(self._expire)
        self._settle_all()
        for number in newcomers:  # after those who leave: their places are free
            self._guarded(self._accept, number)
            self._settle_all()
        reporter = self._service.reporter
        if reporter.untold:
            most = TOLD if happened else TOLD_IDLE
            reporter.tell(max(most, len(reporter) - MAX_UNTOLD))

    def _settle_all(self) -> None:
        while self._touched:
            touched, backlog = list(self._touched), self._backlog
            self._touched.clear()
            for connection in touched:
                try:
                    if connection in backlog or not connection.flush_all():
                        self._settle(connection)
                except Exception as error:  # noqa: BLE001 - as above
                    self._bug(error, connection)

    def _guarded(self, step: Callable[..., None], *args: Any) -> None:
        """Whatever goes wrong in `step` ends nothing else."""
        try:
            step(*args)
        except Exception as error:  # noqa: BLE001 - see above
            self._bug(error)

    def _bug(self, error: Exception, connection: Connection | None = None) -> None:
        logger.error("a bug in the coordinator; it goes on", exc_info=error)
        if connection is not None:
            self._close(connection)

    def _due(self) -> float | None:
        """Return when the first thing has to be done that nobody's bytes bring about."""
        due = soonest(self._deadlines, self._service.next_deadline())
        for other in (self._listeners.again_at, self._stop_at):
            if other is not None and (due is None or other < due):
                due = other
        return due

    def _patience(self, due: float | None) -> float:
        if self._backlog or self._commands.queue or self._service.reporter.untold:
            return 0.0
        if due is None:
            return LONGEST
        return min(max(due - self._clock(), 0.0), LONGEST)

    def _unsent(self) -> bool:
        assert self._stop_at is not None
        return self._clock() < self._stop_at and any(c.pending for c in self._connections)

    # New connections

    def _accept(self, number: int) -> None:
        for sock in self._listeners.accept(number, self._short_of_descriptors):
            self._take_in(sock)

    def _short_of_descriptors(self, error: OSError) -> None:
        logger.warning("the coordinator cannot accept a connection: %s", error)
        if (oldest := self._strangers.oldest()) is not None:
            self._close(oldest)
        self._listeners.pause(self._clock())

    def _take_in(self, sock: socket.socket) -> None:
        connection = Connection(sock, self._touched)
        self._connections.add(connection)
        self._overdue.set(connection, self._clock() + REQUEST_TIME)
        if (too_many := self._strangers.add(connection)) is not None:
            self._close(too_many)
        # Its request is often there already, and the end: then it is never watched.
        try:
            if self._happened(connection, READ | END):
                self._requests(connection, self._clock())
        except Exception as error:  # noqa: BLE001 - one connection's, whatever it is
            self._bug(error, connection)

    # Input

    def _happened(self, connection: Connection, events: int) -> bool:
        """Take what a connection has sent; return whether to look at it."""
        if connection.ended and events & GONE:
            connection.closed = True
        if connection.closed or events == WRITE or connection in self._backlog:
            self._touch(connection)
            return False
        more = connection.receive()
        if more and events & END:
            connection.receive()
        # Who only waits for an answer need not be looked at at the end of the round.
        if connection.closed or connection.ended or connection.registered != WATCHED:
            self._touch(connection)
        return not connection.closed

    def _requests(self, connection: Connection, now: float) -> None:
        """Answer what has arrived, at most a turn of it."""
        if connection in self._backlog:
            del self._backlog[connection]
            self._touch(connection)
        served = 0
        frames, request = connection.frames, self._service.request
        try:
            while frames.left and served < TURN and not connection.leaving:
                body = frames.next()
                if body is None:
                    break
                served += 1
                request(connection, body, now)
        except WireError as error:
            self._service.unreadable(connection, error)
            connection.hang_up()
        if served == TURN:
            self._backlog[connection] = None
            self._touch(connection)
        if not connection.known and (problem := self._strangers.welcome(connection)):
            self._service.refusals.request(connection, problem)
            connection.hang_up()
        if connection.hurried and served:
            connection.hurried = False
            self._overdue.discard(connection)
        if frames.left and not connection.hurried and not connection.leaving:
            connection.hurried = True
            self._overdue.set(connection, now + REQUEST_TIME)
        if connection.ended and served < TURN:  # it is all that it has sent
            self._service.ended(connection)

    # Output, and the end

    def _touch(self, connection: Connection) -> None:
        self._touched[connection] = None

    def _settle(self, connection: Connection) -> None:
        """Send what can be sent, and decide whether the connection stays."""
        if connection not in self._connections:
            return
        before = connection.pending, connection.lingering
        progress = connection.flush()
        if connection.lingering and not before[1]:
            self._overdue.set(connection, self._clock() + LINGER_TIME)
        if not connection.pending:
            self._stalled.discard(connection)
        elif progress or connection not in self._stalled:
            self._stalled.set(connection, self._clock() + STALL_TIME)
        spent = connection.ended and connection not in self._backlog and not connection.pending
        if connection.closed or (
            spent and (connection.lingering or not self._service.awaited(connection))
        ):
            self._close(connection)
        else:
            waits = connection in self._backlog
            self._watched.watch(connection, connection.wanted & (~READ if waits else ~0))

    def _close(self, connection: Connection) -> None:
        if connection not in self._connections:
            return
        connection.closed = True
        self._connections.discard(connection)
        for place in (self._backlog, self._touched):
            place.pop(connection, None)
        self._strangers.remove(connection)
        self._overdue.discard(connection)
        self._stalled.discard(connection)
        self._watched.watch(connection, 0)
        connection.socket.close()
        self._service.gone(connection, self._clock())

    # Time

    def _expire(self) -> None:
        now = self._clock()
        for deadlines in self._deadlines:
            for connection in list(deadlines.expired(now)):
                self._close(connection)
        self._listeners.resume(now)
        due = self._service.next_deadline()
        if due is not None and due <= now:
            self._service.expire(now)
