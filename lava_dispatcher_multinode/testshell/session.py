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

#: Between two pieces of a typed line on a line without flow control.
TYPING_PAUSE_S = 0.1


class SessionConsole(Protocol):
    """The part of `console.Console` that a session uses."""

    def read(self, timeout: float) -> bytes:
        """Return the bytes that arrived; b"" after `timeout` seconds or a `wake`."""

    def write(self, data: bytes) -> None:
        """Send all of `data`."""

    def wake(self) -> None:
        """Make a `read` in progress return b""; from any thread."""


class ShellSession:
    """Runs lava-test-runner on a board; used by one thread.

    `submit` gets each call and a function to call once with its outcome, from any thread; it
    returns a function that withdraws the call, or None. `clock` returns the seconds since the
    run's start. `fifo` is for a line without flow control: the size of the board's UART in
    bytes, which limits the bytes in flight (usually 16; 0: no limit). `silence` is the time in
    seconds without output until the board is pinged (0: never). `login_prompt` is what the
    board prints when its shell has ended.
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
        """Type `command` (lava-test-runner with its directory), and follow it to its end.

        Return the definitions that have begun.

        The checksums of the directory are typed too: noise cannot make another one run.
        `deadline` is a time of time.monotonic(). By definition, as `<idx>_<name>`: `patterns`
        for results in output; `fixups`, which map a test's words for results to LAVA's; and
        `expected`, the cases to be reported. Raises `ActionTimeout` at the deadline,
        `BoardHangs` if the board stops to answer, `TestError` if a test raises, and the
        console's errors. Everything up to then is recorded.
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
            recorder.record_missing()
            if run.channel.resent:
                recorder.log("DEBUG", f"{run.channel.resent} frames were sent again")
        return recorder.begun

    def record_socket_call(self, call: Call, outcome: Outcome) -> bool:
        """Record a call that was answered over the network; from any thread.

        Return False if no runner is active. Called before the board gets the answer, so that
        the call is recorded before anything that follows from it.
        """
        run = self._run
        if run is None:
            return False
        run.outcomes.put((None, None, call, outcome))
        self._console.wake()
        return True

    def type(self, command: bytes) -> None:
        """Send a line to the board's shell, which has no flow control: in pieces, with pauses."""
        step = self._fifo or len(command)
        for start in range(0, len(command), step):
            if start:
                time.sleep(TYPING_PAUSE_S)
            self._console.write(command[start : start + step])

    def write(self, data: bytes) -> None:
        """Send `data` to the board."""
        self._console.write(data)

    def read(self, timeout: float) -> bytes:
        """Return the bytes that arrived; see `SessionConsole.read`."""
        return self._console.read(timeout)

    def submit(
        self, call: Call, on_outcome: Callable[[Outcome], None]
    ) -> Callable[[], None] | None:
        """Relay `call`; its outcome, from any thread, wakes the reader."""

        def notify(outcome: Outcome) -> None:
            on_outcome(outcome)
            self._console.wake()

        return self._submit(call, notify)
