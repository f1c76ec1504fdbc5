"""Runs of lava-test-runner on a board, over its console."""

from __future__ import annotations

import shlex
import time
from typing import TYPE_CHECKING, Protocol

from ..console_frames import both_checksums
from .case_results import ResultRecorder
from .flow_control import StopAndWait
from .prompts import ECHO_RUNNER_ENDED
from .runner import Runner

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ..emit import Emit
    from ..multinode.api import Call, Outcome
    from .matcher import Pattern

#: Seconds between two pieces of a typed line where there is no flow control.
TYPING_PAUSE_S = 0.1


class SessionConsole(Protocol):
    """What a session needs of `console.Console`."""

    def read(self, timeout: float) -> bytes:
        """Return what has come; b"" after `timeout` seconds or a `wake`."""

    def write(self, data: bytes) -> None:
        """Send all of `data`."""

    def wake(self) -> None:
        """Make a `read` in progress return b""; from any thread."""


class ShellSession:
    """Talks to a board's lava-test-runner; used by one thread.

    `submit` is given each call, and a function to call once with its outcome, from
    any thread; it returns a function that takes the call back, or None. `clock` gives
    seconds since the run's start, for events. `fifo` is for a line without flow control: the
    bytes that the board's UART holds, 16 as a rule; no more are on their way at a time (0:
    no limit). `silence`: seconds that the board may say nothing before it is asked whether
    it lives (0: for ever). `login_prompt`: what the board prints when its shell has ended.
    """

    def __init__(
        self,
        console: SessionConsole,
        *,
        node: str,
        submit: Callable[[Call, Callable[[Outcome], None]], Callable[[], None] | None],
        emit: Emit,
        clock: Callable[[], float],
        fifo: int = 0,
        silence: float = 0.0,
        login_prompt: str = "login:",
    ) -> None:
        self._console = console
        self._node = node
        self._submit = submit
        self._emit = emit
        self._clock = clock
        self._fifo = fifo
        self.silence = silence
        self.login_prompt = login_prompt
        self._run: Runner | None = None

    def run(
        self,
        command: str,
        deadline: float,
        patterns: Mapping[str, Pattern] | None = None,
        fixups: Mapping[str, Mapping[str, str]] | None = None,
        expected: Mapping[str, Sequence[str]] | None = None,
    ) -> set[str]:
        """Type `command`, lava-test-runner with its directory, and see it to its end.

        Return which definitions have begun.

        The directory's checksums go with it, so that no other is run when noise alters it.
        `deadline` is a time of time.monotonic(); `patterns`, `fixups`, which turns
        a test's words for results into LAVA's, and `expected`, the cases that are to be
        reported, are by definition, as `<idx>_<name>`. Raise
        `ActionTimeout` at the deadline, `BoardHangs` of a board that does not answer any
        more, `TestError` when a test raises, and let the console's errors through. What was
        seen until then is recorded.
        """
        recorder = ResultRecorder(self._node, self._emit, self._clock, patterns, fixups, expected)
        stage = shlex.split(command)[-1]
        run = Runner(self, stage, recorder, StopAndWait(self._fifo) if self._fifo else None)
        self._run = run
        try:
            words = (
                command.encode(),
                *both_checksums(stage.encode() + b"\n"),
                ECHO_RUNNER_ENDED.encode(),
            )
            run.read(b"%b %b %b; %b\n" % words, deadline)
        finally:
            self._run = None
            run.end()
            recorder.finish()
            recorder.miss()
            if run.channel.resent:
                recorder.log("DEBUG", f"{run.channel.resent} frames were sent again")
        return recorder.begun

    def answered_elsewhere(self, call: Call, outcome: Outcome) -> bool:
        """Record a call that came on another way than this console; from any thread.

        Return False if no runner runs that it could belong to. Told before the board has
        the answer, it is recorded before anything that the board says because of it.
        """
        run = self._run
        if run is None:
            return False
        run.outcomes.put((None, None, call, outcome))
        self._console.wake()
        return True

    def type(self, command: bytes) -> None:
        """Send a line to the board's shell, which acknowledges nothing: it needs time."""
        step = self._fifo or len(command)
        for start in range(0, len(command), step):
            if start:
                time.sleep(TYPING_PAUSE_S)
            self._console.write(command[start : start + step])

    def write(self, data: bytes) -> None:
        """Send `data` to the board."""
        self._console.write(data)

    def read(self, timeout: float) -> bytes:
        """Return what has come, as `SessionConsole.read`."""
        return self._console.read(timeout)

    def submit(
        self, call: Call, on_outcome: Callable[[Outcome], None]
    ) -> Callable[[], None] | None:
        """Relay `call`; `on_outcome` may be called from any thread, and wakes the reader."""

        def tell(outcome: Outcome) -> None:
            on_outcome(outcome)
            self._console.wake()

        return self._submit(call, tell)
