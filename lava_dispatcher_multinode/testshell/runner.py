"""Follows one run of lava-test-runner: records its signals and relays its calls."""

from __future__ import annotations

import time
from collections import deque
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Protocol

from .. import console_frames
from ..errors import ActionTimeout, BoardHangs, InfrastructureError, TestRaised
from ..multinode import board_words
from ..multinode.api import Outcome, Status
from . import signals
from .channel import Channel
from .lines import LineSplitter
from .liveness import LivenessMonitor
from .prompts import PromptWatch
from .signals import CaseResult, LegacyCall, RunnerExit, RunnerStart, SeenSignals
from .waits import ConsoleCalls

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..multinode.api import Call
    from .case_results import ResultRecorder
    from .channel import ConsoleRequest
    from .flow_control import StopAndWait

#: Time until the command is typed again because no runner has started, doubled each time: a
#: typed line can lose characters, too. A started runner ignores the line. The interrupt in
#: front of it ends a quotation that noise has opened, and a runner before its start.
START_RETRY_S = 3.0
INTERRUPT = b"\x03\n"
#: A read with nothing due; every event ends it sooner.
READ_TIMEOUT_S = 60.0
#: After the runner has reported its end, it may ask for the acknowledgement again for this
#: long. The line that it prints then usually ends this sooner.
LINGER_S = 3.0
#: Bytes of frames in flight to a board: a terminal's buffer holds 4095.
WINDOW_BYTES = 3000
#: The same with flow control: one frame at a time, or the timeouts of the others would run
#: while it is sent.
STOP_AND_WAIT_WINDOW_BYTES = 1
#: Calls answered over the network; a board that lost the answer may repeat them here.
MAX_SOCKET_CALLS = 64
_SIGNAL = b"<LAVA_"


class BoardLink(Protocol):
    """A `Runner`'s access to its board and the coordinator."""

    silence: float  # seconds without output until the board is pinged; 0: never
    login_prompt: str  # what the board prints when its shell has ended

    def read(self, timeout: float) -> bytes:
        """Return the bytes that arrived; b"" after `timeout` seconds or a wake-up."""

    def write(self, data: bytes) -> None:
        """Send `data` to the board."""

    def type(self, command: bytes) -> None:
        """Send a line to the board's shell, slowly where the line has no flow control."""

    def submit(
        self, call: Call, on_outcome: Callable[[Outcome], None]
    ) -> Callable[[], None] | None:
        """Relay `call`; return a function that withdraws it, or None."""


class Runner:
    """One run of lava-test-runner; only `outcomes` is used by other threads."""

    def __init__(
        self,
        link: BoardLink,
        stage: str,
        recorder: ResultRecorder,
        flow_control: StopAndWait | None,
    ) -> None:
        self.channel = Channel(
            window=WINDOW_BYTES if flow_control is None else STOP_AND_WAIT_WINDOW_BYTES
        )
        self._stage = stage
        self._flow_control = flow_control
        self._link = link
        self._recorder = recorder
        self._lines = LineSplitter()
        self.outcomes: SimpleQueue[tuple[int | None, bytes | None, Call, Outcome]] = SimpleQueue()
        self._elsewhere: deque[str] = deque(maxlen=MAX_SOCKET_CALLS)
        self._waits = ConsoleCalls()
        self._seen = SeenSignals()
        self._started = False
        self._end_reported = False  # the runner has reported its end; its line may be lost
        self._ended = False
        self._unconfirmed_end: float | None = None  # when a mere line indicated its end
        self._heard = 0.0  # when the last frame arrived

    def end(self) -> None:
        """Record the results of an unfinished line, and withdraw open calls as failed.

        The run leaves the processes of those calls behind.
        """
        with suppress(TestRaised):
            self._parse_rest()
        for wait in self._waits.cancel_all():
            with suppress(TestRaised):  # too many results: reported already
                self._recorder.record_result(
                    CaseResult(board_words.result_name(wait.call), "fail"), wait.definition
                )

    def read(self, command: bytes, deadline: float) -> None:
        """Type `command` and process the board's output until the runner's end or `deadline`."""
        self._link.type(command)
        retry = START_RETRY_S
        now = time.monotonic()
        type_at = now + retry
        monitor = LivenessMonitor(self._link.silence, deadline, now)
        prompts = PromptWatch(self._link.login_prompt)
        while True:
            now = time.monotonic()
            # A board without the channel's scripts could not answer.
            if self._heard and now >= monitor.due():
                monitor.pinged(now)
                self.channel.ping()
            if not self._started and now >= type_at:
                self._link.type(INTERRUPT + command)
                retry *= 2
                type_at = now + retry
            self._relay_outcomes()
            if (caller := self._waits.probe(now)) is not None:
                self.channel.probe(caller)
            if data := self._transmit(now):
                self._link.write(data)
            if self._ended or (self._end_reported and now >= self._heard + LINGER_S):
                return
            if self._unconfirmed_end is not None and now >= self._unconfirmed_end + LINGER_S:
                return  # the ping was not answered: the runner has ended
            self._check_time(now, deadline, monitor)
            wake_at = [deadline, now + READ_TIMEOUT_S, monitor.dead_at()]
            if self._heard:
                wake_at.append(monitor.due())
            if not self._started:
                wake_at.append(type_at)
            if self._end_reported:
                wake_at.append(self._heard + LINGER_S)
            if self._unconfirmed_end is not None:
                wake_at.append(self._unconfirmed_end + LINGER_S)
            wake_at += [due for due in (self._due(), self._waits.due()) if due is not None]
            data = self._link.read(max(0.0, min(wake_at) - now))
            if data:
                monitor.heard(time.monotonic())
                if prompts.feed(data):
                    monitor.prompted(time.monotonic())
            self._relay_outcomes()  # answers that preceded this output
            self._parse_data(data)
            if self.channel.alive:
                monitor.answered()

    def _check_time(self, now: float, deadline: float, monitor: LivenessMonitor) -> None:
        """Raise if the board or the runner is dead, or at the deadline."""
        if monitor.board_dead(now):
            raise BoardHangs(
                f"the board hangs: no output for {monitor.silent_for(now):.0f} s, "
                f"and no answer to a ping: {self._where()}"
            )
        if monitor.runner_gone(now):
            raise BoardHangs(
                "lava-test-runner has died: the console responds, but the channel does not; a "
                f"test or, for lack of memory, the kernel has killed it: {self._where()}"
            )
        if now >= deadline:
            if not self._started and not self._recorder.in_definition:
                raise InfrastructureError(
                    "lava-test-runner has not started: the board's shell does not answer; if the "
                    "line loses characters, set connection.fifo or connection.character_delay"
                )
            raise ActionTimeout(self._what_hangs(now))

    def _what_hangs(self, now: float) -> str:
        """Return the definition that ran at the deadline, and the calls it waited in."""
        where = self._where()
        waits = self._waits.describe(now)
        hint = (
            "raise the action's timeout, or see the last lines of the console for what hangs"
            if not waits
            else "raise the action's timeout if that is intended"
        )
        return f"{'; '.join([where, *waits])}: {hint}"

    def _where(self) -> str:
        definition = self._recorder.definition
        return f"definition {definition} was running" if definition else "lava-test-runner hangs"

    def _transmit(self, now: float) -> bytes:
        if self._flow_control is None:
            return self.channel.transmit(now)
        if self._flow_control.idle:  # not sooner: the channel's timeouts start when it sends
            self._flow_control.send(self.channel.transmit(now))
        return self._flow_control.transmit(now)

    def _due(self) -> float | None:
        if self._flow_control is None or self._flow_control.idle:
            return self.channel.due()
        return self._flow_control.due()

    def _parse_data(self, data: bytes) -> None:
        now = time.monotonic()
        output: list[bytes] = []
        lines, ends = self._lines.feed(data)
        for line in lines:
            if _SIGNAL in line:
                if self._recorder.wants_output:
                    before, *behind = signals.text_around(line)
                    self._recorder.search_output([*output, before])
                    output = behind
                self._parse_line(line, now)
            elif self._recorder.wants_output:
                output.append(line)
        self._recorder.search_output(output, ends=ends)

    def _parse_rest(self) -> None:
        line = self._lines.rest()
        self._recorder.search_output(signals.text_around(line))
        for text, marked in signals.find_texts(line):
            signal = signals.parse_signal(text, self._recorder.fixups)
            if isinstance(signal, CaseResult) and not (self._seen.discard_copy(text) or marked):
                self._recorder.record_signal(signal)

    def _parse_line(self, line: bytes, now: float) -> None:
        if console_frames.FRAME_MARK in line:
            self._heard = now
            if self._flow_control is not None:
                self._flow_control.receive(line, now)
            for request in self.channel.receive(line, now):
                self._handle(request)
            if self.channel.alive:
                self._unconfirmed_end = None
            for id_ in self.channel.pop_gone():
                self._waits.cancel_for(id_)
        for text, marked in signals.find_texts(line):
            if self._seen.discard_copy(text) or marked:
                continue
            match signals.parse_signal(text, self._recorder.fixups):
                case RunnerStart(stage):
                    self._started |= stage in {None, self._stage}
                case RunnerExit():
                    self._exit(now)
                case LegacyCall(_, call) if call is not None:
                    self._relay(None, call)
                case signal:
                    self._recorder.record_signal(signal)

    def _exit(self, now: float) -> None:
        """Handle a line that may be the runner's last one.

        Before this runner has started, it belongs to the previous one. Inside a definition, a
        test has printed it: a runner that uses the channel reports the end of a definition,
        and its own, there. If that report may have been lost, or if a test has printed the end
        of the definition too, the board is pinged: only a live runner answers.
        """
        if not self._started:
            return
        if self._end_reported or not self._heard:
            self._ended = True
        elif not self._recorder.in_definition:
            self._unconfirmed_end = now
            self.channel.ping()

    def _handle(self, request: ConsoleRequest) -> None:
        if not self._started and not self._begins(request):
            return  # a late one of the previous runner: this one reports its start first
        if request.words[:1] == [b"signal"]:
            self._record_report(request)
            return
        try:
            call = board_words.parse_call(request.words, request.id.decode())
        except ValueError as error:
            self.channel.reply(request.id, [b"1", str(error).encode("utf-8", "replace")])
        else:
            self._relay(request.id, call)

    def _begins(self, request: ConsoleRequest) -> bool:
        return signals.parse_signal(b" ".join(request.words[1:])) == RunnerStart(self._stage)

    def _record_report(self, request: ConsoleRequest) -> None:
        """Acknowledge and record a signal; its printed copy, which follows, is then ignored."""
        text = b" ".join(request.words[1:])
        self.channel.acknowledge(request.id)
        signal = signals.parse_signal(text, self._recorder.fixups)
        if isinstance(signal, RunnerExit):
            self._end_reported = True
        elif isinstance(signal, RunnerStart):
            self._started = True
        else:
            self._seen.add(text)
            self._recorder.record_signal(signal)

    def _relay(self, id_: bytes | None, call: Call) -> None:
        definition = self._recorder.definition
        number = self._waits.add(id_, call, time.monotonic(), definition)

        def on_outcome(outcome: Outcome) -> None:
            self.outcomes.put((number, id_, call, outcome))

        self._waits.set_cancel(number, self._link.submit(call, on_outcome))

    def _relay_outcomes(self) -> None:
        while True:
            try:
                number, id_, call, outcome = self.outcomes.get_nowait()
            except Empty:
                return
            definition = None if number is None else self._waits.pop(number).definition
            if call.request_id is None or call.request_id not in self._elsewhere:
                done = outcome.status is Status.DONE
                case = CaseResult(board_words.result_name(call), "pass" if done else "fail")
                self._recorder.record_result(case, definition)
            if number is None and call.request_id is not None:
                self._elsewhere.append(call.request_id)
            if id_ is not None:
                self.channel.reply(id_, board_words.format_reply(call, outcome))
