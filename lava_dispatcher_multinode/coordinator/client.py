"""A member of a group: calls over one connection, answered when they are satisfied."""

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

#: Seconds to reach the coordinator; and to hand it a request.
CONNECT_TIME, SEND_TIME = 30.0, 30.0
#: Seconds that an answer may take beyond its call's own, on a busy host; where it has none.
ANSWER_TIME, LONGEST = 60.0, 7 * 86400.0
CHUNK = 64 * 1024


class GroupClient:
    """Makes calls for `node`; a context manager; may be used from any thread.

    Raise `InfrastructureError` if the coordinator cannot be reached. When the
    connection is lost, every call is answered REFUSED, with the reason.
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
        self._who = {"group_name": group, "client_name": node, "role": role}
        if secret is not None:
            self._who["secret"] = secret
        self._numbers = itertools.count(1)
        self._pending: dict[int, Callable[[Outcome], None]] = {}
        self._lost: str | None = None
        self._state = threading.Lock()  # guards _pending and _lost
        self._output = threading.Lock()  # keeps requests whole
        self._socket = _connect(address)
        self._reader = threading.Thread(
            target=self._read, name=f"group client {node}", daemon=True
        )
        self._reader.start()
        # A client that sends no request for long after connecting is disconnected.
        self._send(encode_frame(self._who | {"request": "group_data", "present": True}))

    def submit(self, call: Call, on_outcome: Callable[[Outcome], None]) -> Callable[[], None]:
        """Make `call`; `on_outcome` gets the answer, once, in the reader's thread.

        Where the connection is lost already it is called before this returns. What is
        returned takes the call back: one that still waits is then answered REFUSED.
        """
        number = next(self._numbers)
        frame = encode_frame(self._who | held_request(call) | {"id": number})
        if len(frame) > MAX_REQUEST_BYTES:
            # The coordinator would close the connection, and end every other call with it.
            reason = call_problem(call) or "the call is too long"
            _tell(on_outcome, refused(reason))
            return _nothing
        with self._state:
            lost = self._lost
            if lost is None:
                self._pending[number] = on_outcome
        if lost is not None:
            _tell(on_outcome, refused(lost, Cause.DISCONNECTED))
            return _nothing
        self._send(frame)

        def cancel() -> None:
            with self._state:
                waits = number in self._pending
            if waits:
                # With a number of its own: a refusal without one is of the whole connection.
                fields = {"request": "cancel", "call": number, "id": next(self._numbers)}
                self._send(encode_frame(self._who | fields))

        return cancel

    def call(self, call: Call) -> Outcome:
        """Make `call` and return its answer; `InfrastructureError` long after its time is over."""
        answered = threading.Event()
        answers: list[Outcome] = []

        def take(outcome: Outcome) -> None:
            answers.append(outcome)
            answered.set()

        self.submit(call, take)
        # The coordinator holds the deadline; where a call has none, its own default.
        if not answered.wait(LONGEST if call.timeout is None else call.timeout + ANSWER_TIME):
            raise InfrastructureError(
                f"{call.api.command} {call.id}: no answer from the coordinator {ANSWER_TIME:g} s "
                "after the call's time was over"
            )
        return answers[0]

    def finish(self) -> None:
        """Say that the node's run has ended, and hang up."""
        self._send(encode_frame(self._who | {"request": "clear_group"}))
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)  # the coordinator answers, and closes
        if threading.current_thread() is not self._reader:
            self._reader.join(SEND_TIME)
        self.close()

    def close(self) -> None:
        """Hang up; calls that still wait are answered REFUSED. A second time it does nothing."""
        self._lose("the connection to the coordinator was closed")
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
            self._lose(f"the connection to the coordinator is lost: {_words(error)}")

    def _read(self) -> None:
        frames = FrameReader(MAX_REPLY_BYTES)
        reason = "the coordinator has closed the connection"
        try:
            while data := self._socket.recv(CHUNK):
                frames.feed(data)
                while (body := frames.read_next()) is not None:
                    self._answer(body)
        except ProtocolError as error:
            reason = f"the coordinator sends nonsense: {error}"
        except OSError as error:
            reason = f"the connection to the coordinator is lost: {_words(error)}"
        self._lose(reason)
        self._socket.close()

    def _answer(self, body: bytes) -> None:
        document = decode_object(body)
        number = document.get("id")
        with self._state:
            on_outcome = self._pending.pop(number, None) if isinstance(number, int) else None
        if on_outcome is not None:
            _tell(on_outcome, parse_outcome(document))
        elif number is None and document.get("response") == "nack":
            self._lose(
                f"the coordinator refuses '{self._who['client_name']}': "
                f"{str(document.get('reason', 'no reason given'))[:300]}"
            )

    def _lose(self, reason: str) -> None:
        with self._state:
            if self._lost is None:
                self._lost = reason
            pending, self._pending = self._pending, {}
        # The reader's recv returns, and the reader closes the socket: only it may do so.
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        for on_outcome in pending.values():
            _tell(on_outcome, refused(reason, Cause.DISCONNECTED))


def _connect(address: tuple[str, int]) -> socket.socket:
    try:
        sock = socket.create_connection(address, CONNECT_TIME)
    except OSError as error:
        where = f"{address[0]}:{address[1]}"
        raise InfrastructureError(
            f"cannot reach the coordinator at {where}: {_words(error)}"
        ) from None
    sock.settimeout(None)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    # The reader waits for ever, a writer must not: a limit on sending alone.
    seconds = struct.pack("ll", int(SEND_TIME), 0)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, seconds)
    return sock


def _nothing() -> None:
    """Take back what was answered already."""


def _tell(on_outcome: Callable[[Outcome], None], outcome: Outcome) -> None:
    """Call back; a caller's mistake must not stop the answers of others."""
    try:
        on_outcome(outcome)
    except Exception:
        logger.exception("a receiver of an outcome failed")


def _words(error: OSError) -> str:
    return error.strerror or str(error) or type(error).__name__
