"""The terminal: lines drawn in place on a real pty, plain lines elsewhere."""

import fcntl
import io
import os
import re
import struct
import termios
import threading
import time

import pytest

from lava_dispatcher_multinode.report.text.terminal import Terminal, wants_colour

WAIT = 20  # seconds until something that must come counts as lost


class Screen:
    """A terminal at the other end of a pty: a thread reads, and keeps what is shown."""

    def __init__(self, columns=80, rows=24):
        self.master, slave = os.openpty()
        self.resize(columns, rows)
        self.stream = open(slave, "w", encoding="utf-8")  # noqa: SIM115 - closed by close()
        self.raw = b""
        self.changed = threading.Condition()
        self.thread = threading.Thread(target=self.read)
        self.thread.start()

    def resize(self, columns, rows):
        """Change the window's size, as a user does."""
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(self):
        """Collect until the near end is closed."""
        while True:
            try:
                data = os.read(self.master, 65536)
            except OSError:
                return
            with self.changed:
                self.raw += data
                self.changed.notify_all()

    def wait(self, done):
        """Wait until `done` holds for the shown lines."""
        with self.changed:
            assert self.changed.wait_for(lambda: done(self.lines()), WAIT), self.raw

    def lines(self):
        """Return the lines with something on them; wide enough never to wrap."""
        lines, row = [""], 0
        for part in re.split(rb"(\x1b\[[0-9;]*[A-Za-z]|\r|\n)", self.raw):
            up = re.fullmatch(rb"\x1b\[(\d+)A", part)
            if part == b"\n":
                row += 1
                lines += [""] * (row + 1 - len(lines))
            elif up:
                row -= int(up[1])
                assert row >= 0
            elif part == b"\x1b[J":
                del lines[row + 1 :]
                lines[row] = ""
            elif part and part not in {b"\r", b"\x1b[K"} and not part.endswith(b"m"):
                lines[row] = part.decode()
        return [line for line in lines if line]

    def close(self):
        """End it all."""
        self.stream.close()
        self.thread.join()
        os.close(self.master)


@pytest.fixture
def screen():
    """A terminal of 80 by 24."""
    screen = Screen()
    yield screen
    screen.close()


ENVIRON = {"TERM": "xterm"}


def show(terminal, events):
    """Feed the events."""
    for event in events:
        terminal(event)


def plain(events, **options):
    """Return the text for a file."""
    stream = io.StringIO()
    with Terminal(stream, environ=options.pop("environ", {}), **options) as terminal:
        show(terminal, events)
    return stream.getvalue()


def test_line_per_node_is_drawn_again_in_place(screen, story):
    """The display is redrawn in place."""
    with Terminal(screen.stream, environ=ENVIRON) as terminal:
        show(terminal, story.start().events)
        screen.wait(lambda lines: len(lines) == 3)
        terminal({"t": 1, "event": "action_started", "node": "panda02", "command": "boot"})
        screen.wait(lambda lines: len(lines) == 3 and "boot" in lines[1])
        terminal({"t": 2, "event": "step", "node": "panda02", "text": "login"})
        screen.wait(lambda lines: len(lines) == 3 and lines[1].endswith("boot  login"))
    assert b"\x1b[3A" in screen.raw
    screen.wait(lambda lines: lines == [])  # the summary begins on a clean line


def test_failures_stay_above_the_live_lines(screen, story):
    """What went wrong scrolls with the text and is not drawn over."""
    with Terminal(screen.stream, environ=ENVIRON) as terminal:
        show(terminal, story.start({"p": {}}).events)
        screen.wait(lambda lines: len(lines) == 1)
        show(terminal, story.case("p", "usb", "fail").events[1:])
        screen.wait(
            lambda lines: (
                len(lines) == 2
                and lines[0].endswith("p: 0_smoke usb: fail")
                and "1 failed" in lines[1]
            )
        )
    screen.wait(lambda lines: len(lines) == 1)
    assert b"\x1b[31m" in screen.raw


def test_a_suspended_view_leaves_the_terminal_to_others(screen, story):
    """Its lines are removed first, and events in between are shown afterwards."""
    with Terminal(screen.stream, environ=ENVIRON) as terminal:
        show(terminal, story.start({"p": {}}).events)
        screen.wait(lambda lines: len(lines) == 1)
        with terminal.suspended():
            screen.wait(lambda lines: lines == [])
            before = len(screen.raw)
            show(terminal, story.case("p", "usb", "fail").events[1:])
            time.sleep(0.3)  # as long as some drawings take
            assert len(screen.raw) == before
        screen.wait(lambda lines: len(lines) == 2 and lines[0].endswith("p: 0_smoke usb: fail"))


def test_elapsed_time_moves_without_events(screen, story):
    """A board that is silent is seen to be waited for."""
    with Terminal(screen.stream, environ=ENVIRON) as terminal:
        show(terminal, story.start({"p": {}}).events)
        screen.wait(lambda lines: any(re.match(r"p +0:01$", line.rstrip()) for line in lines))


def test_smaller_window_is_found_out(screen, story):
    """More nodes than rows: nothing scrolls away, the rest is counted."""
    names = {f"panda{n:02}": {} for n in range(15)}
    with Terminal(screen.stream, environ=ENVIRON) as terminal:
        show(terminal, story.start(names).events)
        screen.wait(lambda lines: len(lines) == 15)
        screen.resize(30, 8)
        terminal({"t": 1, "event": "step", "node": "panda00", "text": "y" * 200})
        screen.wait(lambda lines: lines[-1].startswith("and 9 more nodes") and len(lines) == 7)
        assert all(len(line) < 30 for line in screen.lines())


def test_lines_that_a_narrower_window_wrapped_are_taken_away_too():
    """After a resize the old picture is not left behind in pieces."""
    from lava_dispatcher_multinode.report.text.terminal import _redraw

    assert _redraw(["x" * 79, "y" * 10], ["z"], 40) == "\r\x1b[3Az\x1b[K\n\x1b[J"


def test_events_come_faster_than_pictures(screen, story):
    """Many events cause few redraws."""
    with Terminal(screen.stream, environ=ENVIRON) as terminal:
        show(terminal, story.start({"p": {}}).events)
        began = time.monotonic()
        for number in range(5000):
            terminal({"t": 1, "event": "step", "node": "p", "text": f"step {number}"})
        screen.wait(lambda lines: lines and lines[0].endswith("step 4999"))
        took = time.monotonic() - began
    assert screen.raw.count(b"\x1b[J") <= took / 0.1 + 4


def test_plain_lines_without_a_terminal(whole_story):
    """A CI log has times, no escapes, and everything in order."""
    text = plain(whole_story)
    assert "\x1b" not in text
    lines = text.splitlines()
    assert lines[0].startswith("[    0.000] job ping on panda01 (server)")
    assert "[    3.000] panda02: lava-wait ready: waiting for panda01" in lines
    assert lines[-1].startswith("[    8.000] beaglexm01: finished: error")


@pytest.mark.parametrize(
    ("verbosity", "expected"), [(-1, []), (0, ["p: b"]), (1, ["p: a", "p: b"])]
)
def test_verbosity(verbosity, expected):
    """-q shows nothing, -v everything."""
    events = [
        {"t": 0, "event": "log", "node": "p", "level": "debug", "text": "a"},
        {"t": 0, "event": "log", "node": "p", "level": "error", "text": "b"},
    ]
    lines = plain(events, verbosity=verbosity).splitlines()
    told = [re.sub(r"^\[.*\] (p: )\w+: ", r"\1", line) for line in lines]
    assert told == expected


def test_board_cannot_command_the_terminal(story):
    """An escape sequence in a name is text."""
    story.start({"p\x1b[2J": {"role": "\x1b]0;x\x07"}}).case("p\x1b[2J", "\x1bc", "fail")
    assert "\x1b" not in plain(story.events)
    assert not re.search(r"\x1b(?!\[\d*[AJKm])", plain(story.events, tty=True))


def test_locale_without_utf8(story):
    """A name that the terminal's encoding lacks does not end the run."""
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    with Terminal(stream, environ={}) as terminal:
        show(terminal, story.start({"p": {}}).case("p", "größe").events)
    assert b"gr??e: pass" in raw.getvalue()


def test_stopped_reader_does_not_stop_the_run(story):
    """Ctrl-S, or a pager that is not read: events go on, the lines come later."""
    reading, writing = os.pipe()
    with open(reading, "rb") as reader, open(writing, "w", encoding="utf-8") as stream:
        terminal = Terminal(stream, environ={})
        story.start({"p": {}})
        for number in range(3000):  # much more than a pipe holds
            story.case("p", f"case{number:0100}")
        show(terminal, story.events)  # would block here for ever
        total = 0
        while b"case" + b"%0100d" % 2999 not in (data := reader.read1(65536)):
            total += len(data)
        terminal.close()
    assert total > 65536


def test_reader_that_went_away_does_not_stop_the_run(story):
    """`lava-dispatch job 2>&1 | head -1` still runs the job."""
    reading, writing = os.pipe()
    os.close(reading)
    stream = open(writing, "w", encoding="utf-8")  # noqa: SIM115 - its closing is tested
    with Terminal(stream, environ={}) as terminal:
        show(terminal, story.start().events)
    with pytest.raises(BrokenPipeError):
        stream.close()


def test_nothing_is_written_to_a_reader_that_went_away(story):
    """Otherwise, text would accumulate in the stream's buffer during the run."""
    tried = threading.Semaphore(0)
    writes = []

    class Gone(io.StringIO):
        def write(self, text):
            writes.append(text)
            tried.release()
            raise BrokenPipeError

    with Terminal(Gone(), environ={}) as terminal:
        show(terminal, story.start().events)
        assert tried.acquire(timeout=WAIT)
        terminal(story.case("panda01").events[-1])
    assert len(writes) == 1


@pytest.mark.parametrize(
    ("environ", "tty", "colour"),
    [
        ({"TERM": "xterm"}, True, True),
        ({"TERM": "xterm"}, False, False),
        ({"TERM": "dumb"}, True, False),
        ({}, True, False),
        ({"TERM": "xterm", "NO_COLOR": "1"}, True, False),
        ({"TERM": "xterm", "NO_COLOR": ""}, True, True),
        ({"FORCE_COLOR": "1"}, False, True),
        ({"FORCE_COLOR": "0", "TERM": "xterm"}, True, False),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False, False),
    ],
)
def test_colour_by_the_conventions(environ, tty, colour):
    """no-color.org, FORCE_COLOR, TERM=dumb."""

    class Stream(io.StringIO):
        def isatty(self):
            return tty

    assert wants_colour(Stream(), environ) is colour


def test_dumb_terminal_gets_plain_lines(screen, story):
    """An editor's shell window cannot move its cursor."""
    with Terminal(screen.stream, environ={"TERM": "dumb"}) as terminal:
        show(terminal, story.start({"p": {}}).events)
        screen.wait(lambda lines: lines == ["[    0.000] job ping on p ()"])
    assert b"\x1b" not in screen.raw
