"""One run of lava-test-runner, over a console that follows a script."""

from __future__ import annotations

import re
import threading
import time

from lava_dispatcher_multinode import console_frames
from lava_dispatcher_multinode.console_frames import AckFrame, DataFrame
from lava_dispatcher_multinode.errors import ActionTimeout, BoardHangs
from lava_dispatcher_multinode.multinode.api import Api, Call, Outcome, Status
from lava_dispatcher_multinode.testshell import liveness, runner
from lava_dispatcher_multinode.testshell.channel import NO_CALLER
from lava_dispatcher_multinode.testshell.session import ShellSession

from .conftest import BEGIN, END, EXIT, START, TOLD_EXIT, TYPED, Script, results, run, tell


def test_reported_signals_count_once():
    """An acknowledged signal counts once: its line may be marked, bare, torn or repeated."""
    result = [b"SIGNAL_TESTCASE", b"TEST_CASE_ID=a", b"RESULT=pass"]
    line = b"<LAVA_" + b" ".join(result) + b">"
    console = Script(
        tell(1, b"SIGNAL_STARTRUN", b"0_a", b"u"),
        tell(2, *result) + tell(2, *result) + line + b"~~~~\n",
        tell(3, *result) + line + b"\n",
        line + b"\n",  # a script's own
        tell(4, *result) + line[:40] + b"[    1.000000] usb -> 2\n" + line[40:] + b"~~~~\n",
        tell(5, b"TEST_RUNNER", b"RUN_FAIL", b"0_a", b"2"),
        TOLD_EXIT,
    )
    events, error = run(console)
    assert error is None
    cases = [(f["definition"], f["case"]) for e, f in events if e == "test_case"]
    assert cases == [("0_a", "a")] * 4 + [("0_a", "lava-test-shell-run")]
    assert console.written.count(b"<LAVA_MN A ab-") == 7


def test_the_end_is_reported(monkeypatch):
    """The end of a runner is acknowledged as often as it is reported; its line may be lost."""
    monkeypatch.setattr(runner, "LINGER_S", 0.2)
    end = tell(1, b"TEST_RUNNER", b"EXIT")
    console = Script(end, end)
    start = time.monotonic()
    assert run(console) == ([], None)
    assert console.written.count(b"<LAVA_MN A ab-1") == 2
    assert time.monotonic() - start < 10


def test_a_line_ends_it_sooner(monkeypatch):
    """After the report of the end, the wait for the line ends when it arrives."""
    monkeypatch.setattr(runner, "LINGER_S", 1000.0)
    assert run(Script(TOLD_EXIT)) == ([], None)


def test_an_invalid_request_gets_an_error_reply():
    """A request that is no call is answered, and never reaches the coordinator."""
    console = Script(DataFrame(b"Q", b"ab-1", 1, 1, b"shout,x,").line(), b"", b"", TOLD_EXIT)
    events, error = run(console, submit=None)
    assert (events, error) == ([], None)
    (frame,) = console_frames.find_frames(console.written.split(b"\n")[1])
    assert console_frames.decode(frame.payload) == [b"1", b"there is no call 'shout'"]


def test_foreign_scripts():
    """A lava-send of LAVA's scripts works; their waits cause a warning."""
    console = Script(
        b"<LAVA_MULTI_NODE> <LAVA_SEND go k=v>\n<LAVA_MULTI_NODE> <LAVA_WAIT go>\n", b"", EXIT
    )
    events, _ = run(console)
    assert results(events) == {"multinode-send-go": "pass"}
    assert [f["level"] for e, f in events if e == "log"] == ["WARNING"]


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
    monkeypatch.setattr(runner, "START_RETRY_S", 0.05)
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
    chunk = b"some line of output that is without meaning for the test shell\n" * 1000

    def seconds(count):
        start = time.process_time()
        run(Script(*[chunk] * count, EXIT))
        return time.process_time() - start

    seconds(5)
    assert seconds(200) < 40 * seconds(20) + 1


def frame(kind, id_, sum_):
    """Return a word's line."""
    return AckFrame(kind, id_, sum_).line()


class Dies(Script):
    """Answers pings until its last chunk is sent."""

    def __init__(self, *chunks, answers, then=b""):
        super().__init__(*chunks)
        self.answers = answers
        self.then = then  # its output with the last answer
        self.asked = 0

    def write(self, data):
        """Answer a ping, as a board's reader does."""
        super().write(data)
        for part in console_frames.find_frames(data):
            if isinstance(part, DataFrame) and part.id == NO_CALLER:
                self.asked += 1
                if self.answers:
                    self.answers -= 1
                    self.chunks.append(frame(b"G", part.id, part.sum))
                    if not self.answers:
                        self.chunks.append(self.then or frame(b"G", part.id, part.sum))
                    self.woken.set()


SPOKEN = DataFrame(
    b"Q", b"1-2", 1, 1, console_frames.encode([b"signal", b"LAVA_TEST_RUNNER START /0"])
).line()


def test_a_silent_board_that_answers_pings_is_alive(monkeypatch):
    """A test that sleeps is no board that hangs."""
    monkeypatch.setattr(liveness, "PING_INTERVAL_S", 0.05)
    console = Dies(SPOKEN, BEGIN, answers=3, then=END + TOLD_EXIT)
    _, error = run(console, silence=0.1)
    assert error is None
    assert console.asked == 3


def test_a_shell_that_answers_in_the_runner_s_place(monkeypatch):
    """After the runner was killed, other output of the board does not prolong the wait."""
    monkeypatch.setattr(liveness, "PING_INTERVAL_S", 0.05)
    monkeypatch.setattr(liveness, "MAX_PING_TIMEOUT_S", 0.3)

    class Shell(Script):
        def write(self, data):
            super().write(data)
            self.chunks.append(b"# " + data + b"sh: syntax error\n")
            self.woken.set()

    _, error = run(Shell(SPOKEN, BEGIN), silence=0.1)
    assert isinstance(error, BoardHangs)
    assert "lava-test-runner has died" in str(error)
    assert "definition 0_a was running" in str(error)


def test_an_end_that_a_test_has_printed_ends_nothing(monkeypatch):
    """A copy of a log on the console does not end the run."""
    monkeypatch.setattr(runner, "LINGER_S", 0.3)
    fails = b"<LAVA_SIGNAL_TESTCASE TEST_CASE_ID=late RESULT=fail>\n"
    console = Dies(SPOKEN, BEGIN, END + EXIT, answers=1, then=fails + TOLD_EXIT)
    events, error = run(console)
    assert error is None
    assert results(events) == {"late": "fail"}


def test_an_unreported_end_counts_if_the_board_does_not_reply(monkeypatch):
    """A runner without the channel ends by its line."""
    monkeypatch.setattr(runner, "LINGER_S", 0.1)
    console = Dies(SPOKEN, BEGIN, END + EXIT, answers=0)
    assert run(console)[1] is None
    assert console.asked == 1


def test_a_silent_board_that_does_not_answer_hangs(monkeypatch):
    """The message has the duration and the definition."""
    monkeypatch.setattr(liveness, "PING_INTERVAL_S", 0.05)
    monkeypatch.setattr(liveness, "MIN_PING_TIMEOUT_S", 0.2)
    console = Dies(SPOKEN, BEGIN, answers=1)
    _, error = run(console, silence=0.1)
    assert isinstance(error, BoardHangs)
    assert re.search(r"hangs: no output for \d+ s.*definition 0_a was", str(error))
    assert console.asked > 1


def test_a_board_without_the_channel_is_not_pinged():
    """A board without the channel is not pinged."""
    console = Dies(BEGIN, answers=0)
    _, error = run(console, silence=0.05, seconds=0.5)
    assert isinstance(error, ActionTimeout)
    assert console.asked == 0


def test_socket_calls_are_recorded_once():
    """They are recorded once, before later output, also if the board repeats the call here."""
    call = Call(Api.WAIT, "x", request_id="1f-1")
    sessions, times = [], []

    def submit(call, on_outcome):
        assert call.request_id == "1f-1"
        on_outcome(Outcome(Status.DONE))

    def elsewhere():
        times.append(sessions[0].record_socket_call(call, Outcome(Status.DONE)))
        return END + BEGIN

    request = DataFrame(b"Q", b"1f-1", 1, 1, console_frames.encode([b"wait", b"x"])).line()
    console = Script(START + BEGIN, elsewhere, request, END + TOLD_EXIT)
    events = []
    sessions.append(
        ShellSession(
            console,
            node="panda01",
            submit=submit,
            emit=lambda event, **fields: events.append((event, fields.get("case"))),
            clock=lambda: 1.5,
        )
    )
    assert not sessions[0].record_socket_call(call, Outcome(Status.DONE))
    sessions[0].run("/runner /0", time.monotonic() + 20)
    assert times == [True]
    assert events[:3] == [
        ("definition_started", None),
        ("test_case", "multinode-wait-x"),
        ("definition_finished", None),
    ]
    assert [case for _, case in events].count("multinode-wait-x") == 1
