"""The session against a scripted console: what it types, records, relays and raises."""

from __future__ import annotations

import re
import threading
import time
from collections import deque

import pytest

from lava_dispatcher_multinode import frames
from lava_dispatcher_multinode.cksum import cksum
from lava_dispatcher_multinode.errors import (
    ActionTimeout,
    BoardDied,
    BoardHangs,
    InfrastructureError,
    TestError,
)
from lava_dispatcher_multinode.frames import Part, Word
from lava_dispatcher_multinode.sync.calls import Api, Call, Outcome, Status
from lava_dispatcher_multinode.testshell import session, vigil
from lava_dispatcher_multinode.testshell.channel import NOBODY
from lava_dispatcher_multinode.testshell.patterns import Pattern
from lava_dispatcher_multinode.testshell.session import Session

START = b"<LAVA_TEST_RUNNER START /0>\n"
EXIT = b"<LAVA_TEST_RUNNER EXIT>\n"
TYPED = b"/runner /0 %d\n" % cksum(b"/0\n")
BEGIN = b"<LAVA_SIGNAL_STARTRUN 0_a u>\n"
END = b"<LAVA_SIGNAL_ENDRUN 0_a u>\n"


class Script:
    """A console that says what it was given; a function or an exception is called or raised."""

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


def run(console, *, submit=None, patterns=None, seconds=20.0, start=START, silence=0.0):
    """Run a session of a runner that begins; return its events, also when it raises."""
    events = []
    console.chunks.appendleft(start)
    session = Session(
        console,
        node="panda01",
        submit=submit or (lambda call, on_outcome: on_outcome(Outcome(Status.DONE))),
        emit=lambda event, **fields: events.append((event, fields)),
        clock=lambda: 1.5,
        silence=silence,
    )
    error = None
    try:
        session.run("/runner /0", time.monotonic() + seconds, patterns)
    except Exception as caught:  # noqa: BLE001
        error = caught
    return events, error


def results(events):
    """Return the results of the events by case."""
    return {f["case"]: f["result"] for e, f in events if e == "test_case"}


def test_types_and_ends():
    """The command is typed with a newline, and the runner's end is the session's."""
    console = Script(
        b"# /runner /0\r\n<LAVA_TEST_RUNNER START /0>\r\n",
        b"<LAVA_TEST",
        b"_RUNNER EXIT>\r",
        b"\n# ",
    )
    assert run(console, start=b"") == ([], None)
    assert console.written == TYPED


def test_events_of_a_definition():
    """A definition and its results become events with every field."""
    console = Script(
        BEGIN,
        b"<LAVA_SIGNAL_TESTSET START s>\n<LAVA_SIGNAL_STARTTC c>\n<LAVA_SIGNAL_ENDTC c>\n",
        b"<LAVA_SIGNAL_TESTCASE TEST_CASE_ID=c RESULT=pass UNITS=s MEASUREMENT=2>\n",
        b"<LAVA_SIGNAL_ENDRUN 0_a u>\n",
        EXIT,
    )
    events, error = run(console)
    assert error is None
    assert events == [
        ("definition_started", {"node": "panda01", "definition": "0_a"}),
        (
            "test_case",
            {
                "node": "panda01",
                "definition": "0_a",
                "case": "c",
                "result": "pass",
                "measurement": 2.0,
                "units": "s",
                "set": "s",
                "start": 1.5,
                "end": 1.5,
            },
        ),
        ("definition_finished", {"node": "panda01", "definition": "0_a"}),
    ]


@pytest.mark.parametrize(
    ("end", "kind"),
    [
        (BoardDied("Kernel panic"), BoardDied),
        (b"<LAVA_SIGNAL_TESTRAISE enough>\n", TestError),
        (b"", ActionTimeout),
    ],
)
def test_cut_off(end, kind):
    """However a run is cut off, its results are kept and its definition finished."""
    case = b"<LAVA_SIGNAL_TESTCASE TEST_CASE_ID=c RESULT=pass>\n"
    events, error = run(Script(BEGIN, case, end), seconds=0.3)
    assert isinstance(error, kind)
    assert results(events) == {"c": "pass"}
    assert events[-1][0] == "definition_finished"


def test_a_runner_that_never_starts_is_not_the_test_s_failure():
    """A shell that does not answer any more is the board's."""
    _, error = run(Script(b"nothing like it\n", EXIT), seconds=0.2, start=b"")
    assert isinstance(error, InfrastructureError)
    assert not isinstance(error, ActionTimeout)


def test_a_timeout_says_who_waited_for_what():
    """At the deadline the error names the definition and the calls without an answer."""
    asked = [Part(b"Q", b"ab-%d" % n, 1, 1, b"wait-all,r%d,role=server," % n) for n in range(5)]
    console = Script(BEGIN, *(part.line() for part in asked))
    _, error = run(console, submit=lambda _call, _on_outcome: None, seconds=0.3)
    assert "definition 0_a was running" in str(error)
    assert "lava-wait-all r0 server has had no answer for 0 s" in str(error)
    assert "and 2 more calls wait" in str(error)


def test_the_runner_before_is_not_this_one():
    """What a former runner says late neither begins nor ends this one, nor makes a call."""
    calls = []
    console = Script(
        b"<LAVA_TEST_RUNNER EXIT>\n<LAVA_TEST_RUNNER START /9>\n",
        tell(1, b"TEST_RUNNER", b"EXIT", b"/9"),
        Part(b"Q", b"ab-2", 1, 1, b"send,late,").line(),
        tell(3, b"TEST_RUNNER", b"START", b"/9"),
        EXIT,
        tell(4, b"TEST_RUNNER", b"START", b"/0"),
        Part(b"Q", b"ab-5", 1, 1, b"send,good,").line(),
        b"",
        tell(6, b"TEST_RUNNER", b"EXIT", b"/0"),
        EXIT,
    )
    events, error = run(console, submit=lambda call, _: calls.append(call.id), start=b"")
    assert (events, error, calls) == ([], None, ["good"])
    assert console.written.count(TYPED) == 1


def test_patterns_apply_to_their_definition():
    """A pattern sees its own definition's output, and no other's."""
    pattern = Pattern.compile(r"(?P<test_case_id>\w+)=(?P<result>\w+)")
    console = Script(b"x=pass\n", BEGIN, b"y=pass\n<LAVA_SIGNAL_STARTRUN 1_b u>\nz=pass\n", EXIT)
    assert results(run(console, patterns={"0_a": pattern})[0]) == {"y": "pass"}


def test_outcome_from_another_thread():
    """An outcome from another thread wakes the session, which answers the board."""
    question = Part(b"Q", b"ab-1", 1, 1, b"wait,x,")
    console = Script(question.line())
    calls = []

    def submit(call, on_outcome):
        calls.append(call)

        def later():
            on_outcome(Outcome(Status.NEVER, reason="gone"))
            console.chunks.append(EXIT)
            console.wake()

        threading.Timer(0.05, later).start()

    events, error = run(console, submit=submit)
    assert error is None
    assert calls == [Call(Api.WAIT, "x", question="ab-1")]
    assert results(events) == {"multinode-wait-x": "fail"}


def tell(number, *words):
    """Return the frame of a signal that is told."""
    return Part(b"Q", b"ab-%d" % number, 1, 1, frames.encode([b"signal", *words])).line()


def test_told_signals_count_once():
    """A signal that was told counts once: with its line marked, bare, torn, or told again."""
    result = [b"SIGNAL_TESTCASE", b"TEST_CASE_ID=a", b"RESULT=pass"]
    line = b"<LAVA_" + b" ".join(result) + b">"
    console = Script(
        tell(1, b"SIGNAL_STARTRUN", b"0_a", b"u"),
        tell(2, *result) + tell(2, *result) + line + b"~~~~\n",
        tell(3, *result) + line + b"\n",
        line + b"\n",  # a script's own
        tell(4, *result) + line[:40] + b"[    1.000000] usb -> 2\n" + line[40:] + b"~~~~\n",
        tell(5, b"TEST_RUNNER", b"RUN_FAIL", b"0_a", b"2"),
        EXIT,
    )
    events, error = run(console)
    assert error is None
    cases = [(f["definition"], f["case"]) for e, f in events if e == "test_case"]
    assert cases == [("0_a", "a")] * 4 + [("0_a", "lava-test-shell-run")]
    assert console.written.count(b"<LAVA_MN A ab-") == 6


def test_the_end_is_told(monkeypatch):
    """A runner that told its end is acknowledged as often as it asks; its line may be lost."""
    monkeypatch.setattr(session, "LINGER", 0.2)
    end = tell(1, b"TEST_RUNNER", b"EXIT")
    console = Script(end, end)
    start = time.monotonic()
    assert run(console) == ([], None)
    assert console.written.count(b"<LAVA_MN A ab-1") == 2
    assert time.monotonic() - start < 10


def test_a_line_ends_it_sooner(monkeypatch):
    """The line of a runner that told its end is not waited for longer than it takes."""
    monkeypatch.setattr(session, "LINGER", 1000.0)
    assert run(Script(tell(1, b"TEST_RUNNER", b"EXIT"), EXIT)) == ([], None)


def test_answers_nonsense():
    """A question that is no call is answered, and never reaches the coordinator."""
    console = Script(Part(b"Q", b"ab-1", 1, 1, b"shout,x,").line(), b"", b"", EXIT)
    events, error = run(console, submit=None)
    assert (events, error) == ([], None)
    (frame,) = frames.find(console.written.split(b"\n")[1])
    assert frames.decode(frame.payload) == [b"1", b"there is no call 'shout'"]


def test_foreign_scripts():
    """LAVA's own send is honoured, its wait warned of."""
    console = Script(
        b"<LAVA_MULTI_NODE> <LAVA_SEND go k=v>\n<LAVA_MULTI_NODE> <LAVA_WAIT go>\n", b"", EXIT
    )
    events, _ = run(console)
    assert results(events) == {"multinode-send-go": "pass"}
    assert [f["level"] for e, f in events if e == "log"] == ["warning"]


def test_runner_failures_are_results():
    """A definition that ends early, or cannot be installed, is a failed result of its own."""
    console = Script(
        b"<LAVA_TEST_RUNNER INSTALL_FAIL 0_a>\n",
        b"<LAVA_SIGNAL_STARTRUN 1_b u>\n",
        b"<LAVA_TEST_RUNNER RUN_FAIL 1_b 2>\n",
        EXIT,
    )
    cases = [(f["definition"], f["case"]) for e, f in run(console)[0] if e == "test_case"]
    assert cases == [("0_a", "lava-test-shell-install"), ("1_b", "lava-test-shell-run")]


def test_typed_again_until_it_begins(monkeypatch):
    """A command that was garbled on its way is typed again; one that runs is not."""
    monkeypatch.setattr(session, "START_WAIT", 0.05)
    console = Script(b"# /run~er /0\nnot found\n")

    def say(data):
        console.chunks.append(data)
        console.wake()

    timers = [
        threading.Timer(0.07, say, [START]),
        threading.Timer(0.3, say, [EXIT]),
    ]
    for timer in timers:
        timer.start()
    assert run(console, start=b"")[1] is None
    for timer in timers:
        timer.join()
    assert console.written.count(TYPED) == 2


def test_flood_is_linear():
    """A flood of output costs time in proportion, and is not kept."""
    chunk = b"some line of output that is of no interest to anybody at all\n" * 1000

    def seconds(count):
        start = time.process_time()
        run(Script(*[chunk] * count, EXIT))
        return time.process_time() - start

    seconds(5)
    assert seconds(200) < 40 * seconds(20) + 1


def frame(kind, id_, sum_):
    """Return a word's line."""
    return Word(kind, id_, sum_).line()


class Dies(Script):
    """Answers questions for its life until it has said its last chunk."""

    def __init__(self, *chunks, answers, then=b""):
        super().__init__(*chunks)
        self.answers = answers
        self.then = then  # what it says with its last answer
        self.asked = 0

    def write(self, data):
        """Answer what nobody waits for, as a board's reader does."""
        super().write(data)
        for part in frames.find(data):
            if isinstance(part, Part) and part.id == NOBODY:
                self.asked += 1
                if self.answers:
                    self.answers -= 1
                    self.chunks.append(frame(b"G", part.id, part.sum))
                    if not self.answers:
                        self.chunks.append(self.then or frame(b"G", part.id, part.sum))
                    self.woken.set()


SPOKEN = Part(b"Q", b"1-2", 1, 1, frames.encode([b"signal", b"LAVA_TEST_RUNNER START /0"])).line()


def test_a_silent_board_that_answers_goes_on(monkeypatch):
    """A test that sleeps is no board that hangs."""
    monkeypatch.setattr(vigil, "EVERY", 0.05)
    console = Dies(SPOKEN, BEGIN, answers=3, then=b"<LAVA_SIGNAL_ENDRUN 0_a u>\n" + EXIT)
    _, error = run(console, silence=0.1)
    assert error is None
    assert console.asked == 3


def test_a_silent_board_that_does_not_answer_hangs(monkeypatch):
    """The message says for how long, and in which definition."""
    monkeypatch.setattr(vigil, "EVERY", 0.05)
    monkeypatch.setattr(vigil, "LEAST", 0.2)
    console = Dies(SPOKEN, BEGIN, answers=1)
    _, error = run(console, silence=0.1)
    assert isinstance(error, BoardHangs)
    assert re.search(r"hangs: nothing on its console for \d+ s.*definition 0_a was", str(error))
    assert console.asked > 1


def test_a_board_without_the_channel_is_not_asked():
    """It could not answer: only its deadline ends it."""
    console = Dies(BEGIN, answers=0)
    _, error = run(console, silence=0.05, seconds=0.5)
    assert isinstance(error, ActionTimeout)
    assert console.asked == 0


def test_calls_that_were_answered_elsewhere():
    """Are recorded once, before what the board says next, also when it asks here again."""
    call = Call(Api.WAIT, "x", question="1f-1")
    sessions, times = [], []

    def submit(call, on_outcome):
        assert call.question == "1f-1"
        on_outcome(Outcome(Status.DONE))

    def elsewhere():
        times.append(sessions[0].answered_elsewhere(call, Outcome(Status.DONE)))
        return END + BEGIN

    question = Part(b"Q", b"1f-1", 1, 1, frames.encode([b"wait", b"x"])).line()
    console = Script(START + BEGIN, elsewhere, question, END + EXIT)
    events = []
    sessions.append(
        Session(
            console,
            node="panda01",
            submit=submit,
            emit=lambda event, **fields: events.append((event, fields.get("case"))),
            clock=lambda: 1.5,
        )
    )
    assert not sessions[0].answered_elsewhere(call, Outcome(Status.DONE))
    sessions[0].run("/runner /0", time.monotonic() + 20)
    assert times == [True]
    assert events[:3] == [
        ("definition_started", None),
        ("test_case", "multinode-wait-x"),
        ("definition_finished", None),
    ]
    assert [case for _, case in events].count("multinode-wait-x") == 1
