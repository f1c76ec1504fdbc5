"""A board that follows a script, and a session with it."""

from __future__ import annotations

import threading
import time
from collections import deque
from itertools import pairwise

from lava_dispatcher_multinode import console_frames
from lava_dispatcher_multinode.console_frames import DataFrame
from lava_dispatcher_multinode.multinode.api import Outcome, Status
from lava_dispatcher_multinode.testshell.session import ShellSession

START = b"<LAVA_TEST_RUNNER START /0>\n"
EXIT = b"<LAVA_TEST_RUNNER EXIT>\n"
TYPED = b"/runner /0 %b %b; echo lava-runner-ended $?\n" % console_frames.both_checksums(b"/0\n")
BEGIN = b"<LAVA_SIGNAL_STARTRUN 0_a u>\n"
END = b"<LAVA_SIGNAL_ENDRUN 0_a u>\n"


class Script:
    """A scripted console: it returns its chunks, calls functions and raises exceptions."""

    def __init__(self, *chunks):
        self.chunks = deque(chunks)
        self.written = b""
        self.woken = threading.Event()

    def read(self, timeout):
        """As console.Console."""
        if not self.chunks:
            self.woken.wait(timeout)
            self.woken.clear()
            return b""
        chunk = self.chunks.popleft()
        if isinstance(chunk, Exception):
            raise chunk
        return chunk() if callable(chunk) else chunk

    def write(self, data):
        """As console.Console."""
        self.written += data

    def wake(self):
        """As console.Console."""
        self.woken.set()


def run(
    console,
    *,
    submit=None,
    patterns=None,
    fixups=None,
    expected=None,
    seconds=20.0,
    start=START,
    silence=0.0,
):
    """Run a session of a runner that begins; return its events, also when it raises."""
    events = []
    console.chunks.appendleft(start)
    session = ShellSession(
        console,
        node="panda01",
        submit=submit or (lambda call, on_outcome: on_outcome(Outcome(Status.DONE))),
        emit=lambda event, **fields: events.append((event, fields)),
        clock=lambda: 1.5,
        silence=silence,
    )
    error = None
    try:
        session.run("/runner /0", time.monotonic() + seconds, patterns, fixups, expected)
    except Exception as caught:  # noqa: BLE001
        error = caught
    return events, error


def results(events):
    """Return the results of the events by case."""
    return {f["case"]: f["result"] for e, f in events if e == "test_case"}


def tell(number, *words):
    """Return the frame of a signal that is sent over the channel."""
    return DataFrame(
        b"Q", b"ab-%d" % number, 1, 1, console_frames.encode([b"signal", *words])
    ).line()


#: The end of a runner: the report, then the printed line.
TOLD_EXIT = tell(99, b"TEST_RUNNER", b"EXIT") + EXIT


def chunks(data, cuts):
    """Return the data in pieces that end at these places."""
    bounds = [0, *sorted(cut for cut in cuts if cut <= len(data)), len(data)]
    return [data[a:b] for a, b in pairwise(bounds)]
