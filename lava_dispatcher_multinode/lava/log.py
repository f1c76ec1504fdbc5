"""LAVA's log, one YAML document per line, as events of the run and as console output."""

from __future__ import annotations

import re
import signal
from collections import Counter
from typing import TYPE_CHECKING, Any

from ..errors import InfrastructureError, TestRaised
from ..job.model import RESULTS
from ..multinode.api import Api
from ..testshell.case_results import ResultLimit
from .failure import convert_failure
from .jobs.lava_entries import failure_reason, parse_entry, parse_number
from .jobs.submission import definitions_of
from .log_redaction import MASK, Redaction

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ..emit import Emit

MAX_TEXT_CHARS = 4096  # per text of an event
MAX_STARTED_CASES = 1000  # test cases whose start time is kept

_START = re.compile(r"start: ([0-9.]+) (\S+)")
_END = re.compile(r"end: ([0-9]+) \S+ \(duration ([0-9:]+)\)")
_STARTTC = re.compile(r"Received signal: <STARTTC> (\S+)")
_TEST = re.compile(r"(Starting|Ending) test lava\.(\S+) \(")
#: Cases that member.py records among LAVA's own results; `multinode-test` is one of LAVA's.
_CALL = re.compile("|".join(f"{re.escape(api.result)}-" for api in Api))
#: LAVA's own results that belong to no action: the result of the job as a whole.
_OF_JOB = frozenset({"job", "validate"})
_NUMBERED = re.compile(r"[0-9]+_")  # a definition's name
#: The case of a definition that did not finish; devices driven here report the same.
_UNFINISHED = "lava-test-shell-run"
_LEVELS = {"warning": "WARNING", "error": "ERROR", "exception": "ERROR", "info": "INFO"}


class LavaLog:
    """Handles the log of one node's lava-run, line by line.

    `console` receives the output of the device. `actions` are the blocks of the node's definition.
    `failure` is LAVA's final error, if it has reported one: error type and message. `validated`:
    LAVA got as far as using the device. `left_on`: why the device could not be switched off.
    `last`: the last line that is no log entry, usually of a traceback. `raised`: the error that
    ends the tests if they print too many results; later results are not recorded. `unread`: the
    error for a result that LAVA has left out of its log. `redaction` applies to everything that is
    displayed or kept of the log.
    """

    def __init__(
        self,
        node: str,
        emit: Emit,
        clock: Callable[[], float],
        console: Callable[[bytes], None],
        actions: Sequence[Mapping[str, Any]],
        redaction: Redaction | None = None,
    ) -> None:
        self.redaction = redaction or Redaction()
        self.unread: InfrastructureError | None = None
        self.failure: tuple[str, str] | None = None
        self.raised: TestRaised | None = None
        self.finished = False
        self.validated = False
        self.left_on: str | None = None
        self.last = ""
        self._node = node
        self._emit = emit
        self._clock = clock
        self._console = console
        self._blocks = [kind for action in actions for kind in action]
        self._due = Counter(definitions_of(actions))  # neither started nor finished
        self._action: tuple[int, str, float] | None = None  # index, command, start
        self._ended: float | None = None  # end of an action whose result is not known yet
        self._whole = True  # no action has failed
        self._reason: str | None = None  # why it failed; the end of the job has the error type
        self._definition: str | None = None  # started and not finished
        self._started: dict[str, float] = {}
        self._limit = ResultLimit()

    def handle_line(self, text: bytes) -> None:
        """Handle one line, with or without its newline."""
        entry = parse_entry(text)
        if entry is None:
            if shown := text.decode("utf-8", "replace").strip():
                self.last = self._redact(shown)
                self._emit_log("WARNING", shown)
            return
        level, message = entry.get("lvl"), entry.get("msg")
        if level in {"target", "feedback"}:
            shown = self.redaction.redact(f"{message}\n")
            self._console(shown.encode("utf-8", "surrogateescape"))
        elif level == "results" and isinstance(message, dict):
            if "result" in message:
                self._handle_result(message)
            else:
                self.unread = InfrastructureError(
                    "LAVA's log lacks a result: its line is too long"
                )
        elif isinstance(message, str):
            self._handle_message(str(level), message)

    def close(self, error: str | None = None) -> None:
        """Handle the end of the log; `error` is the reason if an action has not finished."""
        self._fail_open_definition(error or "the log ends")
        if self.finished and self.failure is None and self._reason is None and self._whole:
            for name in (+self._due).elements():
                text = "LAVA's log has neither its start nor its end"
                self._emit_test_case(self._redact(name), _UNFINISHED, {"result": "fail"}, text)
        if self._ended is not None and self._reason is None:
            self._finish_action("pass", None)
        else:
            self._finish_action("error", self._reason or error)

    def raise_failure(self, code: int) -> None:
        """Raise the failure of the job, if it failed; `code` is lava-run's exit code.

        Exit code 0 does not mean that the tests have passed: their results are events.
        """
        if self.failure is not None:
            raise convert_failure(self._node, *self.failure, validated=self.validated)
        if code or not self.finished:
            killed = f"was killed by {_signal_name(code - 128)}"
            how = killed if code > 128 else f"exited with {code}"
            why = f": {self.last}" if self.last else ""
            raise InfrastructureError(f"LAVA's dispatcher {how} before its job ended{why}")
        if self.unread is not None:
            raise self.unread
        if self.left_on is not None:
            raise InfrastructureError(f"LAVA has NOT switched the board off: {self.left_on}")

    def _handle_message(self, level: str, text: str) -> None:
        if match := _START.match(text):
            self._start_action(match[1], match[2])
        elif _END.match(text):
            self._ended = self._clock()
        elif match := _STARTTC.match(text):
            if len(self._started) < MAX_STARTED_CASES:
                self._started[match[1]] = self._clock()
        elif match := _TEST.match(text):
            self._mark_definition(match[2], starts=match[1] == "Starting")
        elif level in _LEVELS:
            # The last line of a traceback is its message; logs.yaml has all of it.
            last = text.strip().rpartition("\n")[2]
            self._emit_log(_LEVELS[level], last if level == "exception" else text)

    def _mark_definition(self, name: str, *, starts: bool) -> None:
        """Handle the start or end of a definition; the next start replaces a missing end."""
        if starts or name != self._definition:
            self._fail_open_definition(f"{self._redact(name)} {'begins' if starts else 'ends'}")
            self._due[_NUMBERED.sub("", name, count=1)] -= 1
        self._definition = name if starts else None
        event = "definition_started" if starts else "definition_finished"
        if self._count_result() if starts else self.raised is None:
            self._emit(event, node=self._node, definition=self._redact(name))

    def _fail_open_definition(self, by: str) -> None:
        """Fail the definition that has started and not finished, if there is one."""
        if self._definition is not None:
            error = f"LAVA's log has its start and no end: {by}"
            self._fail_definition(self._definition, error)

    def _fail_definition(self, name: str, error: str) -> None:
        self._emit_test_case(self._redact(name), _UNFINISHED, {"result": "fail"}, error)
        if name == self._definition:
            self._mark_definition(name, starts=False)

    def _count_result(self) -> bool:
        """Return True if one more result is within the limit of a test block."""
        if self.raised is None:
            try:
                return self._limit.reserve()
            except TestRaised as error:
                self.raised, self._reason = error, str(error)
        return False

    def _start_action(self, number: str, name: str) -> None:
        if "." in number:
            self._emit("step", node=self._node, text=name)
            return
        self._fail_open_definition(f"{name} begins")
        index = int(number) - 1
        ending = name == "finalize" and index >= len(self._blocks)
        if self._reason is None:
            self._finish_action("pass", None)
        elif not ending:
            self._finish_action("error", self._reason)
        if index < 0:  # LAVA's validation of the job
            return
        self.validated = True
        if ending:
            self._emit("step", node=self._node, text="switching the board off")
            return
        command = self._blocks[index] if index < len(self._blocks) else name
        self._action = (index, command, self._clock())
        self._limit = ResultLimit()
        self._emit("action_started", node=self._node, index=index, command=command)

    def _finish_action(self, status: str, error: str | None) -> None:
        if self._action is None:
            return
        index, command, started = self._action
        ended = self._clock() if self._ended is None else self._ended
        self._action = self._ended = self._reason = None
        self._whole &= status == "pass"
        self._emit(
            "action_finished",
            node=self._node,
            index=index,
            command=command,
            status=status,
            seconds=round(ended - started, 3),
            error=error,
        )

    def _handle_result(self, result: dict[str, Any]) -> None:
        definition, case = str(result.get("definition")), str(result.get("case"))
        failed = result.get("result") == "fail"
        if MASK in definition and "_" not in definition:
            return  # a result of LAVA itself, with secrets masked
        if definition != "lava":
            self._emit_test_case(self._redact(definition), self._redact(case), result)
        elif call := _CALL.match(case):
            self._emit_test_case("lava", call[0] + self._redact(case[call.end() :]), result)
        elif case == "job":
            self.finished = True
            if failed:
                message = self._redact(str(result.get("error_msg") or "LAVA gives no reason"))
                self.failure = (str(result.get("error_type") or ""), message)
                if self._reason is not None:
                    error = convert_failure(self._node, *self.failure, validated=self.validated)
                    self._finish_action(error.status, self._reason)
        elif failed and case == "power-off":
            self.left_on = self._redact(failure_reason(result))
        elif failed and "level" not in result and case not in _OF_JOB:
            self._handle_lava_failure(case)
        elif failed and self._action and result.get("level") == str(self._action[0] + 1):
            self._reason = str(self.raised or self._redact(failure_reason(result)))
            self._ended = self._ended or self._clock()

    def _handle_lava_failure(self, case: str) -> None:
        """Handle a failed case of LAVA itself that belongs to no action; the job may go on.

        An action that fails and is retried is no such case.
        """
        if case == self._definition or _NUMBERED.match(case):
            self._fail_definition(
                case, "LAVA marks its run as unfinished: a step failed or was cut off"
            )
            return
        stage = case.startswith("stage_")
        why = "an install step failed" if stage else "LAVA's result is fail, without a reason"
        self._emit_test_case("lava", self._redact(case), {"result": "fail"}, why)

    def _emit_test_case(
        self, definition: str, case: str, result: dict[str, Any], error: str = ""
    ) -> None:
        if not self._count_result():
            return
        said = str(result.get("result"))
        self._emit(
            "test_case",
            node=self._node,
            definition=definition,
            case=case,
            result=said if said in RESULTS else "unknown",
            measurement=parse_number(result.get("measurement")),
            units=self._redact_optional(result.get("units")),
            set=self._redact_optional(result.get("set")),
            start=self._started.pop(str(result.get("case")), None),
            end=self._clock(),
            **({"error": error} if error else {}),
        )

    def _emit_log(self, level: str, text: str) -> None:
        self._emit("log", node=self._node, level=level, text=self._redact(text))

    def _redact(self, text: str) -> str:
        """Return a text of LAVA or of a test, redacted and shortened."""
        return self.redaction.redact(text)[:MAX_TEXT_CHARS]

    def _redact_optional(self, text: Any) -> str | None:
        return None if text is None else self._redact(str(text))


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
