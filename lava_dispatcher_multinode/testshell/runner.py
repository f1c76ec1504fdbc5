"""One run of lava-test-runner: its signals recorded, its calls relayed."""

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
from .waits import PendingCalls

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..multinode.api import Call
    from .case_results import ResultRecorder
    from .channel import ConsoleQuestion
    from .flow_control import StopAndWait

#: Seconds until the command is typed again because no runner has begun, doubled each
#: time: a typed line can lose characters, too. A runner that has begun ignores it. The
#: interrupt before it ends a quotation that noise may have opened, and a runner that has
#: not got as far as its start: that one is begun anew.
START_RETRY_S = 3.0
INTERRUPT = b"\x03\n"
#: Seconds that a read waits when nothing is due; every event ends it sooner.
READ_TIMEOUT_S = 60.0
#: Seconds for which a runner that has said it ends may ask for the acknowledgement
#: again; as a rule the line that it prints then ends it sooner.
LINGER_S = 3.0
#: Bytes of frames in flight to a board: a terminal's buffer holds 4095.
WINDOW_BYTES = 3000
#: The same with flow control: one frame at a time, or the timeouts of the others would run
#: while it is sent.
STOP_AND_WAIT_WINDOW_BYTES = 1
#: Calls that were answered elsewhere and may be asked here, because the answer was lost.
MAX_ANSWERED_ELSEWHERE = 64
_INTERESTING = b"<LAVA_"


class BoardLink(Protocol):
    """What a `Runner` uses to reach its board and the coordinator."""

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
        self._elsewhere: deque[str] = deque(
            maxlen=MAX_ANSWERED_ELSEWHERE
        )  # answered, and maybe lost
        self._waits = PendingCalls()
        self._seen = SeenSignals()
        self._started = False
        self._leaving = False  # the runner has said that it ends; its line may be lost
        self._ended = False
        self._doubted: float | None = None  # when its end was told by a line alone
        self._heard = 0.0  # when the channel last spoke

    def end(self) -> None:
        """Take the results of a line without an end, and take back calls, which have failed.

        The processes of those calls are left behind by the run.
        """
        with suppress(TestRaised):
            self._take_rest()
        for wait in self._waits.end():
            with suppress(TestRaised):  # that there are too many results is told already
                self._recorder.result(
                    CaseResult(board_words.result_name(wait.call), "fail"), wait.definition
                )

    def read(self, command: bytes, deadline: float) -> None:
        """Type `command`, and take what the board says until the runner's end or `deadline`."""
        self._link.type(command)
        patience = START_RETRY_S
        now = time.monotonic()
        type_at = now + patience
        monitor = LivenessMonitor(self._link.silence, deadline, now)
        prompts = PromptWatch(self._link.login_prompt)
        while True:
            now = time.monotonic()
            # A board without the channel's scripts could not answer.
            if self._heard and now >= monitor.due():
                monitor.asked(now)
                self.channel.ping()
            if not self._started and now >= type_at:
                self._link.type(INTERRUPT + command)
                patience *= 2
                type_at = now + patience
            self._relay_outcomes()
            if (waits := self._waits.probe(now)) is not None:
                self.channel.probe(waits)
            if data := self._transmit(now):
                self._link.write(data)
            if self._ended or (self._leaving and now >= self._heard + LINGER_S):
                return
            if self._doubted is not None and now >= self._doubted + LINGER_S:
                return  # nobody is there any more
            self._check_time(now, deadline, monitor)
            wake_at = [deadline, now + READ_TIMEOUT_S, monitor.dead_at()]
            if self._heard:
                wake_at.append(monitor.due())
            if not self._started:
                wake_at.append(type_at)
            if self._leaving:
                wake_at.append(self._heard + LINGER_S)
            if self._doubted is not None:
                wake_at.append(self._doubted + LINGER_S)
            wake_at += [due for due in (self._due(), self._waits.due()) if due is not None]
            data = self._link.read(max(0.0, min(wake_at) - now))
            if data:
                monitor.heard(time.monotonic())
                if prompts.feed(data):
                    monitor.prompted(time.monotonic())
            self._relay_outcomes()  # what was answered before the board said this
            self._take(data)
            if self.channel.alive:
                monitor.answered()

    def _check_time(self, now: float, deadline: float, monitor: LivenessMonitor) -> None:
        """Raise if the board is dead, or its time over."""
        if monitor.board_dead(now):
            raise BoardHangs(
                f"the board hangs: nothing on its console for {monitor.silent_for(now):.0f} s, "
                f"and no answer when it was asked: {self._where()}"
            )
        if monitor.runner_gone(now):
            raise BoardHangs(
                "lava-test-runner is gone: the console lives, but the channel does not answer; a "
                f"test has killed it, or the kernel for want of memory: {self._where()}"
            )
        if now >= deadline:
            if not self._started and not self._recorder.in_definition:
                raise InfrastructureError(
                    "lava-test-runner has not started: the board's shell does not answer"
                )
            raise ActionTimeout(self._what_hangs(now))

    def _what_hangs(self, now: float) -> str:
        """Return which definition was on at the deadline, and what it waited for."""
        where = self._where()
        waits = self._waits.sentences(now)
        hint = (
            "raise the action's timeout, or see the last lines of the console for what hangs"
            if not waits
            else "raise the action's timeout if that is no mistake"
        )
        return f"{'; '.join([where, *waits])}: {hint}"

    def _where(self) -> str:
        definition = self._recorder.definition
        return f"definition {definition} was running" if definition else "lava-test-runner hangs"

    def _transmit(self, now: float) -> bytes:
        if self._flow_control is None:
            return self.channel.transmit(now)
        if self._flow_control.idle:  # not sooner, or the channel's clocks would run for nothing
            self._flow_control.feed(self.channel.transmit(now))
        return self._flow_control.transmit(now)

    def _due(self) -> float | None:
        if self._flow_control is None or self._flow_control.idle:
            return self.channel.due()
        return self._flow_control.due()

    def _take(self, data: bytes) -> None:
        now = time.monotonic()
        output: list[bytes] = []
        lines, ends = self._lines.feed(data)
        for line in lines:
            if _INTERESTING in line:
                if self._recorder.wants_output:
                    before, *behind = signals.around(line)
                    self._recorder.output([*output, before])
                    output = behind
                self._line(line, now)
            elif self._recorder.wants_output:
                output.append(line)
        self._recorder.output(output, ends=ends)

    def _take_rest(self) -> None:
        line = self._lines.rest()
        self._recorder.output(signals.around(line))
        for text, marked in signals.texts(line):
            signal = signals.parse(text, self._recorder.fixups)
            if isinstance(signal, CaseResult) and not (self._seen.discard_copy(text) or marked):
                self._recorder.signal(signal)

    def _line(self, line: bytes, now: float) -> None:
        if console_frames.FRAME_MARK in line:
            self._heard = now
            if self._flow_control is not None:
                self._flow_control.receive(line, now)
            for question in self.channel.receive(line, now):
                self._ask(question)
            if self.channel.alive:
                self._doubted = None
            for id_ in self.channel.pop_gone():
                self._waits.gone(id_)
        for text, marked in signals.texts(line):
            if self._seen.discard_copy(text) or marked:
                continue
            match signals.parse(text, self._recorder.fixups):
                case RunnerStart(stage):
                    self._started |= stage in {None, self._stage}
                case RunnerExit():
                    self._exit(now)
                case LegacyCall(_, call) if call is not None:
                    self._relay(None, call)
                case signal:
                    self._recorder.signal(signal)

    def _exit(self, now: float) -> None:
        """Take what may be the runner's last line.

        Inside a definition it is a test's, or a listing's of the script: a runner
        that has spoken over the channel says there that a definition, and it, ends.
        Where it could not be told, or a test has printed the end of the definition,
        too, the board is asked: what answers is a runner that lives. Before this
        runner has begun it is the last one's.
        """
        if not self._started:
            return
        if self._leaving or not self._heard:
            self._ended = True
        elif not self._recorder.in_definition:
            self._doubted = now
            self.channel.ping()

    def _ask(self, question: ConsoleQuestion) -> None:
        if not self._started and not self._begins(question):
            return  # of the runner before this one, late: this one tells its start first
        if question.words[:1] == [b"signal"]:
            self._tell(question)
            return
        try:
            call = board_words.parse_call(question.words, question.id.decode())
        except ValueError as error:
            self.channel.answer(question.id, [b"1", str(error).encode("utf-8", "replace")])
        else:
            self._relay(question.id, call)

    def _begins(self, question: ConsoleQuestion) -> bool:
        return signals.parse(b" ".join(question.words[1:])) == RunnerStart(self._stage)

    def _tell(self, question: ConsoleQuestion) -> None:
        """Record a signal that is acknowledged; its line, which follows, will be no news."""
        text = b" ".join(question.words[1:])
        self.channel.acknowledge(question.id)
        signal = signals.parse(text, self._recorder.fixups)
        if isinstance(signal, RunnerExit):
            self._leaving = True
        elif isinstance(signal, RunnerStart):
            self._started = True
        else:
            self._seen.add(text)
            self._recorder.signal(signal)

    def _relay(self, id_: bytes | None, call: Call) -> None:
        definition = self._recorder.definition
        number = self._waits.add(id_, call, time.monotonic(), definition)

        def on_outcome(outcome: Outcome) -> None:
            self.outcomes.put((number, id_, call, outcome))

        self._waits.cancelled_by(number, self._link.submit(call, on_outcome))

    def _relay_outcomes(self) -> None:
        while True:
            try:
                number, id_, call, outcome = self.outcomes.get_nowait()
            except Empty:
                return
            definition = None if number is None else self._waits.pop(number).definition
            if call.question is None or call.question not in self._elsewhere:
                done = outcome.status is Status.DONE
                case = CaseResult(board_words.result_name(call), "pass" if done else "fail")
                self._recorder.result(case, definition)
            if number is None and call.question is not None:
                self._elsewhere.append(call.question)
            if id_ is not None:
                self.channel.answer(id_, board_words.format_answer(call, outcome))
