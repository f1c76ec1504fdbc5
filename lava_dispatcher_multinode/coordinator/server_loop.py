"""The event loop of the coordinator: many connections, one thread, no polling.

Input that is sent, or output that is not taken, stops neither the loop nor other
connections: every request has a limited time to arrive, every connection a limited number
of requests in a row, limited output and a limited time to take it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import select
from typing import TYPE_CHECKING, Any

from ..multinode.deadlines import Deadlines, soonest
from .access import ConnectionLimits
from .connection import Connection
from .listeners import Listeners
from .protocol import ProtocolError

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Sequence

    from .service import Service

logger = logging.getLogger(__name__)

#: Requests of one connection served before other connections are.
MAX_REQUESTS_IN_A_ROW = 16
#: Seconds for a new connection's first request, and for the rest of any request begun.
REQUEST_TIMEOUT_S = 30.0
#: Seconds in which a far end must take some of what is sent to it.
STALL_TIMEOUT_S = 60.0
#: Seconds for a disconnected far end to read the reason; and for the last replies at the end.
LINGER_S = 2.0
#: Seconds; the longest time of a timer.
MAX_SLEEP_S = 3600.0


def new_event_loop() -> asyncio.AbstractEventLoop:
    """Return uvloop's event loop, or asyncio's own where uvloop is not installed."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


class ServerLoop:
    """Serves `service`, a group of `size`, on `listeners` until `stop` is posted.

    It owns the listeners. An asyncio loop watches the sockets; they are read and written
    here, as asyncio's transports do not detect the close of a half-closed far end, and
    uvloop's server closes its listener when the process runs out of descriptors.
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
        self._loop = new_event_loop()
        self._listeners = Listeners(listeners, self._loop, self._add, self._close_oldest_stranger)
        self._hangups = select.epoll()  # readable when a half-closed far end is closed
        self._half_closed: dict[int, Connection] = {}
        self._connections: set[Connection] = set()
        self._limits: ConnectionLimits[Connection] = ConnectionLimits(size)
        self._backlog: set[Connection] = set()  # with requests that wait for their turn
        self._changed: dict[Connection, None] = {}  # to be settled at the end of the round
        self._end_is_scheduled = False
        self._requests: Deadlines[Connection] = Deadlines()  # that must be complete
        self._stalled: Deadlines[Connection] = Deadlines()
        self._timer: asyncio.TimerHandle | None = None
        self._timer_due = math.inf
        self._stop_at: float | None = None

    def post(self, command: Callable[[], None]) -> None:
        """Run `command` in the loop's thread, soon; nothing once the loop is closed.

        May be called from any thread.
        """
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._run_step, command)

    def stop(self) -> None:
        """Answer all that is pending, send it, and return from `run`; in the loop's thread."""
        if self._stop_at is None:
            self._stop_at = self._clock() + LINGER_S
            self._service.abort("the coordinator has stopped", self._clock())

    def run(self) -> None:
        """Serve until stopped."""
        try:
            self._listeners.start()
            self._loop.add_reader(self._hangups.fileno(), self._handle_hangups)
            self._loop.run_forever()
        finally:
            for connection in list(self._connections):
                self._close(connection)
            self._listeners.close()
            self._loop.remove_reader(self._hangups.fileno())
            self._hangups.close()
            self._loop.close()

    # Rounds: the loop handles what has arrived, then all replies are sent

    def _run_step(self, step: Callable[..., None], *args: Any) -> None:
        """Run a part of a round; an error in it ends nothing else."""
        try:
            step(*args)
        except Exception as error:  # noqa: BLE001 - a bug; the group continues
            self._report_bug(error)
        self._schedule_end()

    def _report_bug(self, error: Exception, connection: Connection | None = None) -> None:
        logger.error("a bug in the coordinator, which continues", exc_info=error)
        if connection is not None:
            self._close(connection)

    def _change(self, connection: Connection) -> None:
        self._changed[connection] = None
        if not self._end_is_scheduled:
            self._schedule_end()

    def _schedule_end(self) -> None:
        if not self._end_is_scheduled:
            self._end_is_scheduled = True
            self._loop.call_soon(self._end_round)

    def _end_round(self) -> None:
        self._end_is_scheduled = False
        self._settle_changed()
        if self._stop_at is not None and (
            self._clock() >= self._stop_at or not any(c.has_unsent for c in self._connections)
        ):
            self._loop.stop()
        else:
            self._set_timer()

    def _settle_changed(self) -> None:
        while self._changed:
            changed, self._changed = self._changed, {}
            for connection in changed:
                try:
                    self._settle(connection)
                except Exception as error:  # noqa: BLE001 - of this connection
                    self._report_bug(error, connection)

    # New connections

    def _add(self, sock: socket.socket) -> None:
        self._settle_changed()
        connection = Connection(sock, self._change)
        self._connections.add(connection)
        self._requests.set(connection, self._clock() + REQUEST_TIMEOUT_S)
        if (surplus := self._limits.add(connection)) is not None:
            self._close(surplus)
        self._change(connection)
        # Often the request and the end are there already. Then it is never watched.
        if connection.receive():
            connection.receive()
        self._serve(connection)
        self._settle_changed()

    def _close_oldest_stranger(self) -> None:
        if (oldest := self._limits.oldest_stranger()) is not None:
            self._close(oldest)

    # Input

    def _read(self, connection: Connection) -> None:
        if connection not in self._backlog:  # as long as it has one, the loop calls again
            connection.receive()
            self._serve(connection)

    def _serve_backlog(self, connection: Connection) -> None:
        self._backlog.discard(connection)
        if not connection.closed:
            self._serve(connection)

    def _serve(self, connection: Connection) -> None:
        """Serve the requests that have arrived, up to MAX_REQUESTS_IN_A_ROW."""
        try:
            if connection.frames.unread:
                self._serve_requests(connection)
            if connection.ended and connection not in self._backlog:  # no request follows
                self._service.probe_half_closed(connection)
        except Exception as error:  # noqa: BLE001 - of this connection
            self._report_bug(error, connection)
        if connection.ended or connection.closed:
            self._change(connection)
        else:
            self._schedule_end()

    def _serve_requests(self, connection: Connection) -> None:
        frames, now = connection.frames, self._clock()
        served = 0
        try:
            while frames.unread and served < MAX_REQUESTS_IN_A_ROW and not connection.leaving:
                body = frames.read_next()
                if body is None:
                    break
                served += 1
                self._service.handle_input(connection, body, now)
        except ProtocolError as error:
            self._service.errors.refuse_malformed(connection, error)
            connection.hang_up()
        if served == MAX_REQUESTS_IN_A_ROW:
            self._backlog.add(connection)
            self._loop.call_soon(self._serve_backlog, connection)
        if not connection.is_counted and (problem := self._limits.recognise(connection)):
            self._service.errors.refuse_request(connection, problem)
            connection.hang_up()
        if connection.is_timed and served:
            connection.is_timed = False
            self._requests.discard(connection)
        if frames.unread and not connection.is_timed and not connection.leaving:
            connection.is_timed = True
            self._requests.set(connection, now + REQUEST_TIMEOUT_S)

    def _handle_hangups(self) -> None:
        for descriptor, _ in self._hangups.poll(0):
            connection = self._half_closed[descriptor]
            connection.closed = True
            self._change(connection)

    # Output, and the end

    def _settle(self, connection: Connection) -> None:
        """Send what can be sent, and decide whether the connection stays."""
        if connection not in self._connections:
            return
        lingered = connection.lingering
        progress = connection.flush()
        if connection.is_steady:
            return
        if connection.lingering and not lingered:
            self._requests.set(connection, self._clock() + LINGER_S)
        if not connection.has_unsent:
            self._stalled.discard(connection)
        elif progress or connection not in self._stalled:
            self._stalled.set(connection, self._clock() + STALL_TIMEOUT_S)
        spent = connection.ended and not connection.has_unsent and connection not in self._backlog
        if connection.closed or (
            spent and (connection.lingering or not self._service.awaits_reply(connection))
        ):
            self._close(connection)
        else:
            self._watch(connection)

    def _watch(self, connection: Connection) -> None:
        sock = connection.socket
        if connection.reading != connection.wants_input:
            connection.reading = connection.wants_input
            if connection.reading:
                self._loop.add_reader(sock, self._read, connection)
            else:
                self._loop.remove_reader(sock)
        if connection.writing != connection.has_unsent:
            connection.writing = connection.has_unsent
            if connection.writing:
                self._loop.add_writer(sock, self._change, connection)
            else:
                self._loop.remove_writer(sock)
        if connection.ended and sock.fileno() not in self._half_closed:
            self._half_closed[sock.fileno()] = connection
            self._hangups.register(sock, 0)  # an error or a hang-up is always reported

    def _close(self, connection: Connection) -> None:
        if connection not in self._connections:
            return
        connection.closed = True
        self._connections.discard(connection)
        self._limits.remove(connection)
        self._requests.discard(connection)
        self._stalled.discard(connection)
        sock = connection.socket
        if connection.reading:
            self._loop.remove_reader(sock)
        if connection.writing:
            self._loop.remove_writer(sock)
        if self._half_closed.pop(sock.fileno(), None) is not None:
            self._hangups.unregister(sock)
        sock.close()
        self._service.peer_closed(connection, self._clock())
        self._schedule_end()

    # Time

    def _set_timer(self) -> None:
        """Have `_expire` called when something is due. A timer that is too early does no harm."""
        due = soonest((self._requests, self._stalled), self._service.next_deadline())
        if self._stop_at is not None and (due is None or self._stop_at < due):
            due = self._stop_at
        if due is None or (self._timer is not None and self._timer_due <= due):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer_due = due
        delay = min(max(due - self._clock(), 0.0), MAX_SLEEP_S)
        # uvloop's timers have milliseconds; one must not be early again and again.
        self._timer = self._loop.call_later(math.ceil(delay * 1000) / 1000, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        # After the loop has polled: what has arrived in time counts, however late it is now.
        self._loop.call_soon(self._loop.call_soon, self._run_step, self._expire)

    def _expire(self) -> None:
        now = self._clock()
        for deadlines in (self._requests, self._stalled):
            for connection in list(deadlines.expired(now)):
                self._close(connection)
        due = self._service.next_deadline()
        if due is not None and due <= now:
            self._service.expire(now)
