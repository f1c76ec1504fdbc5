"""A member of a group: makes calls over one connection to the coordinator."""

from __future__ import annotations

import contextlib
import itertools
import logging
import socket
import struct
import threading
from typing import TYPE_CHECKING, Self

from ..errors import InfrastructureError
from ..multinode.api import Cause, call_problem, refused
from .protocol import (
    MAX_REPLY_BYTES,
    MAX_REQUEST_BYTES,
    FrameReader,
    ProtocolError,
    decode_object,
    encode_frame,
    held_request,
    parse_outcome,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..multinode.api import Call, Outcome

logger = logging.getLogger(__name__)

#: Seconds to connect to the coordinator; and to send it a request.
CONNECT_TIMEOUT_S, SEND_TIMEOUT_S = 30.0, 30.0
#: Seconds that a reply may take beyond the call's timeout; and if the call has none.
REPLY_GRACE_S, MAX_REPLY_WAIT_S = 60.0, 7 * 86400.0
READ_BYTES = 64 * 1024


class GroupClient:
    """Makes calls for `node`. A context manager; its methods may be called from any thread.

    The constructor raises `InfrastructureError` if the coordinator cannot be reached. When
    the connection is lost, every call ends with `Cause.DISCONNECTED`.
    """

    def __init__(
        self,
        address: tuple[str, int],
        *,
        group: str,
        node: str,
        role: str,
        secret: str | None = None,
    ) -> None:
        self._identity = {"group_name": group, "client_name": node, "role": role}
        if secret is not None:
            self._identity["secret"] = secret
        self._ids = itertools.count(1)
        self._pending: dict[int, Callable[[Outcome], None]] = {}
        self._lost: str | None = None
        self._state = threading.Lock()  # guards _pending and _lost
        self._output = threading.Lock()  # keeps requests whole
        self._socket = _connect(address)
        self._reader = threading.Thread(
            target=self._read, name=f"group client {node}", daemon=True
        )
        self._reader.start()
        # A connection without an accepted request is closed after a while.
        self._send(encode_frame(self._identity | {"request": "group_data", "present": True}))

    def submit(self, call: Call, on_outcome: Callable[[Outcome], None]) -> Callable[[], None]:
        """Make `call`; return a function that cancels it.

        `on_outcome` is called once, in the reader's thread. If the connection is lost
        already, it is called before this returns. A waiting call that is cancelled ends as
        refused.
        """
        id_ = next(self._ids)
        frame = encode_frame(self._identity | held_request(call) | {"id": id_})
        if len(frame) > MAX_REQUEST_BYTES:
            # The coordinator would close the connection, and end every other call.
            reason = call_problem(call) or "the call is too long"
            _deliver(on_outcome, refused(reason))
            return _nothing
        with self._state:
            lost = self._lost
            if lost is None:
                self._pending[id_] = on_outcome
        if lost is not None:
            _deliver(on_outcome, refused(lost, Cause.DISCONNECTED))
            return _nothing
        self._send(frame)

        def cancel() -> None:
            with self._state:
                waits = id_ in self._pending
            if waits:
                # With an `id`: a refusal without one concerns the whole connection.
                fields = {"request": "cancel", "call": id_, "id": next(self._ids)}
                self._send(encode_frame(self._identity | fields))

        return cancel

    def call(self, call: Call) -> Outcome:
        """Make `call` and return its outcome; `InfrastructureError` if there is no reply."""
        answered = threading.Event()
        answers: list[Outcome] = []

        def keep(outcome: Outcome) -> None:
            answers.append(outcome)
            answered.set()

        self.submit(call, keep)
        # The coordinator enforces the timeout of the call, or its own default.
        timeout = MAX_REPLY_WAIT_S if call.timeout is None else call.timeout + REPLY_GRACE_S
        if not answered.wait(min(timeout, threading.TIMEOUT_MAX)):
            raise InfrastructureError(
                f"{call.api.command} {call.id} failed: no reply from the coordinator "
                f"{REPLY_GRACE_S:g} s after the call's timeout"
            )
        return answers[0]

    def finish(self) -> None:
        """Report that the node's run has ended, and disconnect."""
        self._send(encode_frame(self._identity | {"request": "clear_group"}))
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)  # the coordinator answers, and closes
        if threading.current_thread() is not self._reader:
            self._reader.join(SEND_TIMEOUT_S)
        self.close()

    def close(self) -> None:
        """Disconnect; waiting calls end with `Cause.DISCONNECTED`. Repeated calls do nothing."""
        self._disconnect("the connection to the coordinator was closed")
        if threading.current_thread() is not self._reader:
            self._reader.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _send(self, frame: bytes) -> None:
        try:
            with self._output:
                self._socket.sendall(frame)
        except OSError as error:
            self._disconnect(f"the connection to the coordinator is lost: {_describe(error)}")

    def _read(self) -> None:
        frames = FrameReader(MAX_REPLY_BYTES)
        reason = "the coordinator has closed the connection"
        try:
            while data := self._socket.recv(READ_BYTES):
                frames.feed(data)
                while (body := frames.read_next()) is not None:
                    self._handle_reply(body)
        except ProtocolError as error:
            reason = f"the coordinator has sent an invalid reply: {error}"
        except OSError as error:
            reason = f"the connection to the coordinator is lost: {_describe(error)}"
        self._disconnect(reason)
        self._socket.close()

    def _handle_reply(self, body: bytes) -> None:
        reply = decode_object(body)
        id_ = reply.get("id")
        with self._state:
            on_outcome = self._pending.pop(id_, None) if isinstance(id_, int) else None
        if on_outcome is not None:
            _deliver(on_outcome, parse_outcome(reply))
        elif id_ is None and reply.get("response") == "nack":
            self._disconnect(
                f"the coordinator refuses '{self._identity['client_name']}': "
                f"{str(reply.get('reason', 'no reason given'))[:300]}"
            )

    def _disconnect(self, reason: str) -> None:
        with self._state:
            if self._lost is None:
                self._lost = reason
            pending, self._pending = self._pending, {}
        # Ends the reader's recv(). Only the reader closes the socket: it may be in use.
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        for on_outcome in pending.values():
            _deliver(on_outcome, refused(reason, Cause.DISCONNECTED))


def _connect(address: tuple[str, int]) -> socket.socket:
    try:
        sock = socket.create_connection(address, CONNECT_TIMEOUT_S)
    except OSError as error:
        where = f"{address[0]}:{address[1]}"
        raise InfrastructureError(
            f"cannot reach the coordinator at {where}: {_describe(error)}"
        ) from None
    sock.settimeout(None)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    # A timeout of sending alone: the reader waits without limit.
    seconds = struct.pack("ll", int(SEND_TIMEOUT_S), 0)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, seconds)
    return sock


def _nothing() -> None:
    """Cancel a call that has ended already."""


def _deliver(on_outcome: Callable[[Outcome], None], outcome: Outcome) -> None:
    """Call `on_outcome`; an error in it must not affect other calls."""
    try:
        on_outcome(outcome)
    except Exception:
        logger.exception("a callback of a call failed")


def _describe(error: OSError) -> str:
    return error.strerror or str(error) or type(error).__name__
