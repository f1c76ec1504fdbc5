"""The channel under attack: kernel messages, damaged bytes, killed and stopped callers."""

from __future__ import annotations

import random
import re
import shutil
import subprocess
import time

import pytest

from lava_dispatcher_multinode.errors import ActionTimeout, ConsoleError
from lava_dispatcher_multinode.multinode.api import Outcome, Status
from lava_dispatcher_multinode.testshell import runner

KERNEL = b"\r\n[  123.456789] usb 1-1: new high-speed USB device <number> 2, error -71\r\n"


def interrupt_every_frame(times):
    """Return a noise that puts a kernel message into the middle of the first `times` frames."""
    left = [times]

    def noise(data):
        position = data.find(b"<LAVA_MN")
        if position < 0 or not left[0]:
            return data
        left[0] -= 1
        return data[: position + 20] + KERNEL + data[position + 20 :]

    return noise


def spoil(seed, rate):
    """Return a noise that loses or changes each byte of frames with probability `rate`."""
    generator = random.Random(seed)

    def byte(value):
        if value == 10 or generator.random() >= rate:
            return bytes((value,))
        return b"" if generator.random() < 0.5 else bytes((generator.randrange(32, 127),))

    def noise(data):
        return re.sub(rb"<LAVA_MN[^>]*>", lambda m: b"".join(map(byte, m[0])), data)

    return noise


def test_kernel_message_in_a_frame_costs_a_resend(board):
    """A call whose first frames are torn by kernel messages is made exactly once."""
    board.console.noise = interrupt_every_frame(3)
    board.group.answers["w"] = Outcome(Status.DONE, (("panda02", {"k": "v w"}),))
    text = board.run("lava-send a x=1\nlava-wait w")
    assert [call.id for call in board.group.calls] == ["a", "w"]
    assert "\nk=v w\n" in text


def test_kernel_message_in_every_signal(board, monkeypatch):
    """Signals interrupted by kernel messages are recorded once, in order, in their set."""
    monkeypatch.setattr(runner, "LINGER_S", 0.5)  # the line that would end it sooner is torn, too

    def noise(data):
        return re.sub(rb"(<LAVA_(?:SIGNAL|TEST)[^>]{9})", rb"\1" + KERNEL, data)

    board.console.noise = noise
    board.run(
        "lava-test-case a --result pass\nlava-test-set start s\n"
        "lava-test-case b --result fail\nlava-test-case c --shell true >log; cat log log\n"
        "lava-test-set stop\nlava-test-case d --result skip\n"
        "echo '<LAVA_SIGNAL_TESTCASE TEST_CASE_ID=e RESULT=pass>' | sed s/E/E/\n"
    )
    assert [
        (e["definition"], e["case"], e["result"], e["set"])
        for e in board.events
        if e["event"] == "test_case"
    ] == [
        ("0_test", "a", "pass", None),
        ("0_test", "b", "fail", "s"),
        ("0_test", "c", "pass", "s"),
        ("0_test", "d", "skip", None),
    ]
    assert [e["event"] for e in board.events if "definition_" in e["event"]] == [
        "definition_started",
        "definition_finished",
    ]


@pytest.mark.slow
def test_noise_both_ways(dash_board):
    """With bytes lost and altered in both directions everything arrives once, byte for byte."""
    board = dash_board
    board.console.noise = spoil(1, 1 / 200)
    board.console.to_board = spoil(2, 1 / 200)
    values = [f"value {n} <&> {'x' * (n * 7 % 90)}" for n in range(60)]
    for n, value in enumerate(values):
        board.group.answers[f"w{n}"] = Outcome(Status.DONE, (("panda02", {"k": value}),))
    board.run(
        "one() { lava-send s k=\"$(lava-wait w$1 | sed 's/^k=//')\"; }\n"
        "n=0; while [ $n -lt 60 ]; do\n"
        "for i in 0 1 2 3 4 5 6 7 8 9; do one $((n + i)) & done; wait; n=$((n + 10)); done",
        timeout=100,
    )
    assert sorted(d["k"] for d in board.group.sent("s")) == sorted(values)


def test_frames_start_in_the_middle_of_a_line(dash_board):
    """Output without a newline before a frame does not hide it."""
    dash_board.run("printf 'no newline'; lava-send a; printf 'again '; lava-send b")
    assert [call.id for call in dash_board.group.calls] == ["a", "b"]


def test_junk_towards_the_board(board):
    """Control characters and incomplete frames do not disturb the reader."""
    nul = b"" if board.shell == "yash" else b"\x00"  # yash's read never gets past it

    def on_call(call):
        board.console.write(
            nul + b"\xff\x03\x04\x1a\x15\x13<LAVA_MN R ../../etc/x-1 1/1 5 x>\n<LAVA_MN R\n"
            b"<LAVA_MN R abc-999999999 1/1 5 x>\n\n>\n<LAVA_MN A -1 1>\n"
        )
        return Outcome(Status.DONE)

    board.group.answers["a"] = on_call
    board.group.answers["b"] = Outcome(Status.DONE, (("panda02", {"k": "v"}),))
    text = board.run("lava-send a\nlava-wait b")
    assert "\nk=v\n" in text


def test_killed_caller(board):
    """A caller killed while it waits does not block other calls, and leaves no files."""

    def killed(call):
        board.group.release("never", Outcome(Status.DONE, (("panda02", {"k": "v" * 2000}),)))
        return Outcome(Status.DONE)

    def started(call):
        waits = "never" in board.group.waiting
        return Outcome(Status.DONE if waits else Status.REFUSED)

    board.group.answers["started"] = started
    board.group.answers["killed"] = killed
    board.group.answers["later"] = Outcome(Status.DONE)
    text = board.run(
        "lava-wait never & pid=$!\n"
        "until lava-send started; do :; done\nkill -9 $pid; wait $pid || echo gone\n"
        "lava-send killed\nlava-wait later\nls $LAVA_DIR/channel\n"
    )
    assert "\ngone\n" in text
    left = [line for line in text.split("\n") if re.match(r"^[0-9a-f]+-\d+", line)]
    assert left == []


def test_a_stopped_caller_does_not_block_others(dash_board):
    """A stopped caller with an answer of 60 kB waiting does not hold up the others."""
    board = dash_board
    board.group.answers["big"] = Outcome(Status.DONE, (("panda02", {"k": "v" * 60000}),))
    text = board.run(
        "lava-wait big >big & pid=$!\nkill -STOP $pid\n"
        "n=0; while [ $n -lt 20 ]; do lava-send s$n; n=$((n + 1)); done\n"
        "kill -CONT $pid; wait $pid; wc -c <big"
    )
    assert "60003" in text
    assert len(board.group.calls) == 21


def test_waiting_callers_end_with_the_runner(board):
    """A background call still waiting when the runner ends fails, and the runner does not hang."""
    board.interactive = [
        "-c",
        "read -r line; eval $line; while [ ! -s outcome ]; do sleep 1; done",
    ]
    board.run(
        "(lava-wait never || echo rc=$? >$HOME/outcome) 2>$HOME/error &\n"
        "while ! ls $LAVA_DIR/channel | grep -q -- -; do sleep 1; done\nlava-send a",
        patience=10,
    )
    assert (board.root / "outcome").read_text() == "rc=1\n"
    assert "the test has ended" in (board.root / "error").read_text()


def test_no_channel(board):
    """Outside a run, and after a killed runner, a call fails at once with a message."""
    sh = board.root / "tools" / "sh"
    send = [sh, board.lava / "bin" / "lava-send", "a"]
    environment = {"PATH": board.path}

    def call():
        return subprocess.run(
            send, env=environment, capture_output=True, text=True, timeout=10, check=False
        )

    first = call()
    assert (first.returncode, first.stderr) == (
        1,
        "lava-send: no channel to the dispatcher: lava-test-runner is not running\n",
    )
    (board.lava / "channel").mkdir()
    (board.lava / "channel" / "owner").write_text("1 another-boot\n")
    assert "lava-test-runner has ended" in call().stderr


def test_killed_runner_leaves_nothing(board):
    """After a killed runner, helpers exit, the terminal is restored and the FIFOs are removed."""
    script = """
        read -r line; stty -g >before; eval $line
        while [ -d lava-7/channel ]; do sleep 1; done
        stty -g >after; echo '<LAVA_SIGNAL_ENDRUN 0_test u>'; echo '<LAVA_TEST_RUNNER EXIT>'
    """
    board.interactive = ["-c", script]
    board.run(
        "lava-send a\nread -r runner _ <$LAVA_DIR/channel/owner\nkill -9 $runner", patience=15
    )
    assert (board.root / "before").read_text() == (board.root / "after").read_text()
    deadline = time.monotonic() + 10
    while helpers(board) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert helpers(board) == []


def helpers(board):
    """Return the processes that still run scripts of this board."""
    listing = subprocess.check_output(["ps", "-eo", "pid,stat,args"], text=True)
    return [
        line for line in listing.split("\n") if f"{board.lava}/bin" in line and " Z" not in line
    ]


def test_deadline(dash_board):
    """At the deadline the session raises; results and the hanging call are recorded."""
    with pytest.raises(ActionTimeout):
        dash_board.run("lava-test-case a --result pass\nlava-wait never", timeout=3)
    assert dash_board.results() == {"a": "pass", "multinode-wait-never": "fail"}
    assert dash_board.events[-1] == {
        "event": "definition_finished",
        "node": "panda01",
        "definition": "0_test",
    }


def test_console_lost(dash_board):
    """A lost console raises its error; earlier results are recorded."""

    def noise(data):
        if b"CUT-HERE" in data.replace(b"echo CUT", b""):
            raise ConsoleError("the console was lost")
        return data

    dash_board.console.noise = noise
    with pytest.raises(ConsoleError):
        dash_board.run("lava-test-case a --result pass\nsleep 0.3\necho CUT-HERE\nsleep 60")
    assert dash_board.results() == {"a": "pass"}


def test_reboot_starts_clean(dash_board):
    """FIFOs that a reboot left behind do not disturb the next runner or its callers."""
    channel = dash_board.lava / "channel"
    channel.mkdir()
    for name in ("out", "wake", "12ab34cd-77"):
        subprocess.run(["mkfifo", channel / name], check=True)
    (channel / "owner").write_text("77 old-boot\n")
    dash_board.run("lava-send a")
    assert [call.id for call in dash_board.group.calls] == ["a"]


def test_a_runner_that_is_ended_before_its_start_is_known_has_begun_nothing(board):
    """A runner interrupted by the repeated command line starts again and runs everything."""
    directory = board.definition("lava-send a")
    (directory.parents[1] / "lava-test-runner.conf").write_text(f"{directory}\n")
    runner = subprocess.Popen(
        [board.root / "tools" / "sh", board.lava / "bin" / "lava-test-runner", board.lava / "0"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        env={"PATH": board.path},
    )
    assert b"RUNNER,START," in runner.stdout.readline()
    runner.kill()
    runner.wait()
    while (board.lava / "channel").exists():  # until its keeper has cleaned up
        time.sleep(0.05)
    runner.stdout.close()
    shutil.rmtree(directory)
    board.run("lava-send a")
    assert [call.id for call in board.group.calls] == ["a"]


@pytest.fixture
def impatient(monkeypatch):
    """Shorten the interval after which the command line is repeated, to save time."""
    monkeypatch.setattr(runner, "START_RETRY_S", 0.5)


@pytest.mark.usefixtures("impatient")
def test_a_typed_line_that_noise_altered(board):
    """A damaged stage name, even of an existing one, starts nothing; the line is repeated."""
    to_board = iter(
        [
            lambda data: data.replace(b"/0 ", b"/1 "),
            lambda data: data[: data.index(b";") - 3] + b"\n",
        ]
    )
    good = lambda data: data  # noqa: E731
    board.console.to_board = lambda data: (next(to_board, good) if b"run" in data else good)(data)
    directory = board.definition("lava-send wrong")
    (directory.parents[1] / "lava-test-runner.conf").write_text(f"{directory}\n")
    (board.lava / "0").rename(board.lava / "1")
    board.run("lava-send right")
    assert [call.id for call in board.group.calls] == ["right"]
    assert (board.lava / "1" / "lava-test-runner.conf").exists()


def test_lost_start(board):
    """A lost start report and a repeated command line count as one start."""
    left = [3]

    def noise(data):
        if b"RUNNER" in data and b"START" in data and left[0]:
            left[0] -= 1
            return re.sub(rb"<LAVA_[^>]*START[^>]*>", b"", data)
        return data

    board.console.noise = noise
    board.run("lava-send a")
    assert [call.id for call in board.group.calls] == ["a"]
    assert left == [0]


def test_lost_acknowledgement_of_the_end(board):
    """A runner repeats an unacknowledged end report, which counts once."""
    eaten = []

    def to_board(data):
        if eaten or b"RUNNER,EXIT" not in board.console.seen:
            return data
        eaten.append(data)
        return b""

    board.console.to_board = to_board
    board.run("lava-test-case a --result pass")
    assert b"<LAVA_MN A " in eaten[0]
    assert board.results() == {"a": "pass"}


def test_an_unacknowledged_runner_still_exits(dash_board):
    """A runner without any acknowledgement still exits and prints its last line."""
    runner = dash_board.lava / "bin" / "lava-test-runner"
    text = runner.read_text()
    assert "LAVA_MAX_SENDS=12" in text
    runner.write_text(text.replace("LAVA_MAX_SENDS=12", "LAVA_MAX_SENDS=2"))
    told = re.compile(rb"<LAVA_MN Q [^>]*RUNNER,EXIT,[^>]*>")
    dash_board.console.noise = lambda data: told.sub(b"", data)
    dash_board.run("lava-test-case a --result pass")
    assert dash_board.console.seen.count(b"RUNNER,EXIT") == 2
    assert not (dash_board.lava / "channel").exists()


def test_the_board_is_sent_no_more_than_it_reads(dash_board):
    """With a UART FIFO, no write is larger than the FIFO, and all data arrives."""
    sizes = []
    dash_board.console.to_board = lambda data: sizes.append(len(data)) or data
    dash_board.group.answers["w"] = Outcome(Status.DONE, (("panda02", {"k": "v" * 100}),))
    text = dash_board.run("lava-wait w\nlava-test-case a --result pass", fifo=16)
    assert max(sizes) == 16
    assert "k=" + "v" * 100 in text
    assert dash_board.results() == {"multinode-wait-w": "pass", "a": "pass"}
