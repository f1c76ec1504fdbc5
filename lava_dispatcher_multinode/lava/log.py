"""LAVA's log, a YAML document a line, as events of the run and as what the board printed."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import yaml

from ..errors import TestRaised
from ..testshell.results import Room
from .failure import failure_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..emit import Emit

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

#: Bytes of a line beyond which it is not parsed: LAVA's own limit is 100,000.
MAX_LINE = 1 << 20
MAX_TEXT = 4096  # characters of a text that goes into an event
MAX_STARTED = 1000  # test cases whose start is remembered

_START = re.compile(r"start: ([0-9.]+) (\S+)")
_END = re.compile(r"end: ([0-9]+) \S+ \(duration ([0-9:]+)\)")
_STARTTC = re.compile(r"Received signal: <STARTTC> (\S+)")
_TEST = re.compile(r"(Starting|Ending) test lava\.(\S+) \(")
#: What member.py records among LAVA's own results; `multinode-test` is one of those.
_CALL = re.compile(r"multinode-(send|sync|wait|wait_all)-")
_LEVELS = {"warning": "WARNING", "error": "ERROR", "exception": "ERROR", "info": "INFO"}


class Log:
    """Takes the log of one node's lava-run, line by line.

    `console` gets the lines of the board. `blocks` are the kinds of the
    definition's actions, in order. `failure` is LAVA's last word, once it has
    been said: its kind of error and the message. `validated`: it got as far
    as touching the board. `left_on`: why the board could not be switched off.
    `last`: the last line that is no entry of a log: of a traceback, as a rule.
    `raised`: what the tests are to end for, as they print results without end; those that
    come after it are not recorded.
    """

    def __init__(
        self,
        node: str,
        emit: Emit,
        clock: Callable[[], float],
        console: Callable[[bytes], None],
        blocks: Sequence[str],
    ) -> None:
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
        self._blocks = blocks
        self._action: tuple[int, str, float] | None = None  # index, command, start
        self._ended: float | None = None  # when it has, and its result is not known
        self._reason: str | None = None  # why it failed; of what kind that is, the job's end tells
        self._started: dict[str, float] = {}
        self._room = Room()

    def line(self, text: bytes) -> None:
        """Take one line, with or without its newline."""
        entry = _read(text)
        if entry is None:
            if shown := text.decode("utf-8", "replace").strip():
                self.last = shown[:MAX_TEXT]
                self._say("WARNING", shown)
            return
        level, message = entry.get("lvl"), entry.get("msg")
        if level in {"target", "feedback"}:
            self._console(f"{message}\n".encode("utf-8", "surrogateescape"))
        elif level == "results" and isinstance(message, dict):
            self._result(message)
        elif isinstance(message, str):
            self._remark(str(level), message)

    def close(self, error: str | None = None) -> None:
        """Take the end of the log; `error` is what ended it in the middle of an action."""
        if self._ended is not None and self._reason is None:
            self._finish_action("pass", None)
        else:
            self._finish_action("error", self._reason or error)

    def _remark(self, level: str, text: str) -> None:
        if match := _START.match(text):
            self._begin(match[1], match[2])
        elif _END.match(text):
            self._ended = self._clock()
        elif match := _STARTTC.match(text):
            if len(self._started) < MAX_STARTED:
                self._started[match[1]] = self._clock()
        elif match := _TEST.match(text):
            self._definition(match[1] == "Starting", match[2])
        elif level in _LEVELS:
            # Of a traceback, which is in logs.yaml, the last line says what it was.
            last = text.strip().rpartition("\n")[2]
            self._say(_LEVELS[level], last if level == "exception" else text)

    def _definition(self, starts: bool, name: str) -> None:
        if starts and self._has_room():
            self._emit("definition_started", node=self._node, definition=name)
        elif not starts and self.raised is None:
            self._emit("definition_finished", node=self._node, definition=name)

    def _has_room(self) -> bool:
        """Whether one more result of the block has room, as one of a board of our own has."""
        if self.raised is None:
            try:
                return self._room.take()
            except TestRaised as error:
                self.raised, self._reason = error, str(error)
        return False

    def _begin(self, number: str, name: str) -> None:
        if "." in number:
            self._emit("step", node=self._node, text=name)
            return
        index = int(number) - 1
        ending = name == "finalize" and index >= len(self._blocks)
        if self._reason is None:
            self._finish_action("pass", None)
        elif not ending:
            self._finish_action("error", self._reason)
        if index < 0:  # its check of the job
            return
        self.validated = True
        if ending:
            self._emit("step", node=self._node, text="switching the board off")
            return
        command = self._blocks[index] if index < len(self._blocks) else name
        self._action = (index, command, self._clock())
        self._room = Room()
        self._emit("action_started", node=self._node, index=index, command=command)

    def _finish_action(self, status: str, error: str | None) -> None:
        if self._action is None:
            return
        index, command, started = self._action
        ended = self._clock() if self._ended is None else self._ended
        self._action = self._ended = self._reason = None
        self._emit(
            "action_finished",
            node=self._node,
            index=index,
            command=command,
            status=status,
            seconds=round(ended - started, 3),
            error=error,
        )

    def _result(self, result: dict[str, Any]) -> None:
        definition, case = str(result.get("definition")), str(result.get("case"))
        failed = result.get("result") == "fail"
        if definition != "lava" or _CALL.match(case):
            self._test_case(definition, case, result)
        elif case == "job":
            self.finished = True
            if failed:
                message = str(result.get("error_msg") or "it does not say why")
                self.failure = (str(result.get("error_type") or ""), message[:MAX_TEXT])
                if self._reason is not None:
                    error = failure_of(self._node, *self.failure, validated=self.validated)
                    self._finish_action(error.status, self._reason)
        elif failed and case == "power-off":
            self.left_on = _reason(result)
        elif failed and self._action and result.get("level") == str(self._action[0] + 1):
            self._reason = str(self.raised or _reason(result))
            self._ended = self._ended or self._clock()

    def _test_case(self, definition: str, case: str, result: dict[str, Any]) -> None:
        if not self._has_room():
            return
        name = case[:MAX_TEXT]
        self._emit(
            "test_case",
            node=self._node,
            definition=definition,
            case=name,
            result=str(result.get("result")),
            measurement=_number(result.get("measurement")),
            units=result.get("units"),
            set=result.get("set"),
            start=self._started.pop(case, None),
            end=self._clock(),
        )

    def _say(self, level: str, text: str) -> None:
        self._emit("log", node=self._node, level=level, text=text[:MAX_TEXT])


def _read(line: bytes) -> dict[str, Any] | None:
    """Return LAVA's entry in a line; None if it is something else."""
    if not line.startswith(b"{") or len(line) > MAX_LINE:
        return None
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        try:
            entry = yaml.load(line, _LOADER)  # noqa: S506 - a safe loader, in C where there is one
        except (yaml.YAMLError, ValueError, RecursionError):
            return None
    return entry if isinstance(entry, dict) and "lvl" in entry else None


def _reason(result: dict[str, Any]) -> str:
    extra = result.get("extra")
    error = extra.get("fail") if isinstance(extra, dict) else None
    return str(error or "it does not say why")[:MAX_TEXT]


def _number(value: Any) -> Any:
    """Return a measurement, which LAVA writes as text, as a number."""
    try:
        return None if value is None else float(value)
    except (TypeError, ValueError):
        return str(value)
