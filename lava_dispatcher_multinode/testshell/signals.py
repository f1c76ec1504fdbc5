"""Parses the signals that LAVA's on-board scripts print into typed objects; pure.

A line may hold other text around its signals. A damaged signal becomes `Unknown`, never an
exception.
"""

from __future__ import annotations

import re
from collections import Counter, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..job.model import RESULTS, no_items
from ..multinode.api import Api, Call
from .lines import MAX_SIGNAL_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_SIGNAL = re.compile(
    rb"<LAVA_(?:"
    rb"SIGNAL_(?P<name>\S{1,256})(?: (?P<rest>[^>]*))?"
    rb"|TEST_RUNNER (?P<runner>[A-Z_]+)(?P<about>[^>]*)"
    rb"|MULTI_NODE> <LAVA_(?P<api>[A-Z_]+)(?P<words>[^>]*)"
    rb")>"
)
_ANY = re.compile(rb"(?:<LAVA_[^>]*>?~*)+")
#: Half of what the scripts print behind a signal that was sent over the channel: noise
#: rarely removes all of it.
PRINTED_MARK = b"~~"
#: A kernel message inside a signal, whose `>` ends what looks like a signal.
_KERNEL = re.compile(rb"\[ *\d+\.\d{6}\]")
_FIELD = re.compile(r"(TEST_CASE_ID|RESULT|UNITS|MEASUREMENT)=")
_PAIR = re.compile(r"\s+(?=[A-Za-z0-9_.-]+=)")


@dataclass(frozen=True)
class StartRun:
    """A definition begins."""

    definition: str


@dataclass(frozen=True)
class EndRun:
    """A definition has run to its end."""

    definition: str


@dataclass(frozen=True)
class StartCase:
    """A test case begins."""

    case: str


@dataclass(frozen=True)
class EndCase:
    """A test case's output ends; its result follows."""

    case: str


@dataclass(frozen=True)
class CaseResult:
    """A result, of a test case or of a test reference."""

    case: str
    result: str
    measurement: float | str | None = None
    units: str | None = None
    reference: str | None = None


@dataclass(frozen=True)
class StartSet:
    """Results belong to a test set from here."""

    name: str


@dataclass(frozen=True)
class StopSet:
    """Results belong to no test set from here."""


@dataclass(frozen=True)
class Raise:
    """The test ends the run (lava-test-raise)."""

    message: str


@dataclass(frozen=True)
class Info:
    """A test event, or a request for feedback."""

    kind: str
    text: str


@dataclass(frozen=True)
class RunnerStart:
    """The runner has started; LAVA's own does not name its directory."""

    stage: str | None = None


@dataclass(frozen=True)
class RunnerExit:
    """The runner has ended; LAVA's line does not name its directory."""

    stage: str | None = None


@dataclass(frozen=True)
class InstallFail:
    """The install steps of a definition failed; LAVA's runner does not name it."""

    definition: str | None


@dataclass(frozen=True)
class RunFail:
    """A definition ended before its last step; `code` is its shell's exit code."""

    definition: str
    code: str


@dataclass(frozen=True)
class LegacyCall:
    """A call that LAVA's own scripts print; only lava-send works this way."""

    text: str
    call: Call | None


@dataclass(frozen=True)
class Unknown:
    """Text that looks like a signal, but is no known one."""

    text: str


Signal = (
    StartRun
    | EndRun
    | StartCase
    | EndCase
    | CaseResult
    | StartSet
    | StopSet
    | Raise
    | Info
    | RunnerStart
    | RunnerExit
    | InstallFail
    | RunFail
    | LegacyCall
    | Unknown
)


def find_texts(line: bytes) -> Iterator[tuple[bytes, bool]]:
    """Yield the text behind `<LAVA_` of each signal in a line, and whether it is marked.

    A marked signal is the printed copy of one that was sent over the channel.
    """
    end = line.rfind(b">") + 1  # no search runs past it, from each of many beginnings
    following = _SIGNAL.search(line, 0, end)
    while (match := following) is not None:
        following = _SIGNAL.search(line, match.end(), end)
        text = match[0].rpartition(b"<LAVA_")[2] if match["api"] is None else match[0][6:]
        stop = len(line) if following is None else following.start()
        yield text[:-1], line.find(PRINTED_MARK, match.end(), stop) >= 0


def text_around(line: bytes) -> list[bytes]:
    """Return the text before, between and behind the signals and frames of a line."""
    return _ANY.split(line)


def result_of(word: str, fixups: Mapping[str, str]) -> str | None:
    """Return the result that a test's word means, or None."""
    result = fixups.get(word, word).lower()
    return result if result in RESULTS else None


def parse_signal(text: bytes, fixups: Mapping[str, str] = no_items()) -> Signal:
    """Return the signal whose text behind `<LAVA_` is `text`; `Unknown` for other text.

    `fixups` map the words of the running test to LAVA's results. As in LAVA, they apply to
    lava-test-case, and not to references.
    """
    match = _SIGNAL.fullmatch(b"<LAVA_%b>" % text) if len(text) <= MAX_SIGNAL_BYTES else None
    if match is None or _KERNEL.search(text):
        return Unknown(text.decode("utf-8", "replace"))
    whole = match[0].decode("utf-8", "replace")
    about = match["rest"] or match["about"] or match["words"] or b""
    rest = about.decode("utf-8", "replace")
    if match["name"] == b"TESTCASE":
        return _case(rest, fixups) or Unknown(whole)
    if match["name"]:
        make = _SIGNALS.get(match["name"])
    elif match["runner"]:
        make = _RUNNER.get(match["runner"])
    else:
        return LegacyCall(whole, _send(rest) if match["api"] == b"SEND" else None)
    return (make(rest.strip()) if make else None) or Unknown(whole)


def _case(rest: str, fixups: Mapping[str, str]) -> Signal | None:
    parts = _FIELD.split(rest)  # "", name, value, name, value...
    fields = {name: value.strip() for name, value in zip(parts[1::2], parts[2::2], strict=True)}
    case, result = fields.get("TEST_CASE_ID"), result_of(fields.get("RESULT", ""), fixups)
    if not case or result is None:
        return None
    return CaseResult(
        case, result, measurement(fields.get("MEASUREMENT")), fields.get("UNITS") or None
    )


def measurement(text: str | None) -> float | str | None:
    """Return a measurement as a finite number, or as its text."""
    try:
        value = float(text or "")
    except ValueError:
        return text or None
    return value if abs(value) < float("inf") else text


def _reference(rest: str) -> Signal | None:
    words = rest.split()
    if len(words) != 3 or words[1].lower() not in RESULTS:
        return None
    return CaseResult(words[0], words[1].lower(), reference=words[2])


def _set(rest: str) -> Signal | None:
    verb, _, name = rest.partition(" ")
    if verb == "START" and name:
        return StartSet(name)
    return StopSet() if verb == "STOP" else None


def _run_fail(rest: str) -> Signal | None:
    definition, _, code = rest.partition(" ")
    return RunFail(definition, code or "?") if definition else None


def _first(make: Callable[[str], Signal]) -> Callable[[str], Signal | None]:
    return lambda rest: make(rest.split()[0]) if rest else None


def _send(rest: str) -> Call | None:
    head, *pairs = _PAIR.split(rest.strip())
    if not head or "=" in head or " " in head:
        return None
    return Call(Api.SEND, head, dict(pair.split("=", 1) for pair in pairs))


_SIGNALS: dict[bytes, Callable[[str], Signal | None]] = {
    b"STARTRUN": _first(StartRun),
    b"ENDRUN": _first(EndRun),
    b"STARTTC": lambda rest: StartCase(rest) if rest else None,
    b"ENDTC": lambda rest: EndCase(rest) if rest else None,
    b"TESTSET": _set,
    b"TESTREFERENCE": _reference,
    b"TESTRAISE": Raise,
    b"TESTEVENT": lambda rest: Info("event", rest),
    b"TESTFEEDBACK": lambda rest: Info("feedback", rest),
}
_RUNNER: dict[bytes, Callable[[str], Signal | None]] = {
    b"START": lambda rest: RunnerStart(rest or None),
    b"EXIT": lambda rest: RunnerExit(rest or None),
    b"INSTALL_FAIL": lambda rest: InstallFail(rest or None),
    b"RUN_FAIL": _run_fail,
}


#: Acknowledged signals that are remembered.
MAX_SEEN = 256


class SeenSignals:
    """The texts of acknowledged signals whose printed line is still to come.

    The scripts on the board send a signal over the channel and then print it. The printed
    line carries `PRINTED_MARK`, but noise can remove it; so each line is also looked up here.
    """

    def __init__(self) -> None:
        self._order: deque[bytes] = deque()
        self._texts: Counter[bytes] = Counter()

    def add(self, text: bytes) -> None:
        """Remember a signal: its text behind `<LAVA_`."""
        self._order.append(text)
        self._texts[text] += 1
        if len(self._order) > MAX_SEEN:
            self._forget(self._order.popleft())

    def discard_copy(self, text: bytes) -> bool:
        """Return whether `text` is the printed copy of a signal, and forget that signal."""
        if text not in self._texts:
            return False
        self._order.remove(text)
        self._forget(text)
        return True

    def _forget(self, text: bytes) -> None:
        self._texts[text] -= 1
        if not self._texts[text]:
            del self._texts[text]
