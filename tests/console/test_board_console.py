"""The console is always drained, loses nothing, and reports a death to every reader."""

from __future__ import annotations

import os
import threading
import time
from itertools import pairwise
from queue import SimpleQueue

import pytest

from lava_dispatcher_multinode.console import board_console as console_module
from lava_dispatcher_multinode.console.transcript import Transcript
from lava_dispatcher_multinode.errors import BoardDied, Cancelled, ConsoleError


def test_bytes_pass_both_ways(wire):
    """What the board prints is read, what is written arrives, byte for byte."""
    every_byte = bytes(range(256))
    wire.print(every_byte)
    assert wire.read_all(256) == every_byte
    wire.console.write(every_byte)
    assert wire.typed(256) == every_byte


def test_read_returns_nothing_after_its_timeout(wire):
    """A silent board does not block its reader."""
    began = time.monotonic()
    assert wire.console.read(0.05) == b""
    assert time.monotonic() - began < 5


def test_wake_ends_a_read(wire):
    """Another thread can have the reader look at something else at once."""
    threading.Timer(0.05, wire.console.wake).start()
    began = time.monotonic()
    assert wire.console.read(30) == b""
    assert time.monotonic() - began < 10


def test_the_port_is_drained_without_a_reader(wire):
    """Output is read without a reader, and is in console.raw."""
    data = b"x" * 4095 + b"\n"
    for _ in range(64):
        wire.print(data)
    wire.print(b"end\n")
    raw = wire.directory / "console.raw"
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and not raw.read_bytes().endswith(b"end\n"):
        wire.console.read(0.01)
    assert raw.read_bytes() == data * 64 + b"end\n"


def test_what_is_not_read_is_bounded(wire, monkeypatch):
    """Unread output is limited to the newest part."""
    monkeypatch.setattr(console_module, "BUFFER_BYTES", 10000)
    for number in range(100):
        wire.print(b"%04d" % number + b"." * 996)
    deadline = time.monotonic() + 10
    raw = wire.directory / "console.raw"
    while raw.stat().st_size < 100_000 and time.monotonic() < deadline:
        time.sleep(0.01)
    data = wire.console.read(1)
    assert len(data) <= 10000 + console_module.BUFFER_BYTES
    assert data.endswith(b"0099" + b"." * 996)


def test_lossless_makes_the_board_wait(wire, monkeypatch):
    """While a test runs a slow reader loses nothing."""
    monkeypatch.setattr(console_module, "BUFFER_BYTES", 5000)
    data = b"".join(b"%06d\n" % number for number in range(20000))

    def talk():
        view = memoryview(data)
        while view:
            view = view[os.write(wire.board, view) :]

    with wire.console.lossless():
        talker = threading.Thread(target=talk)
        talker.start()
        assert wire.read_all(len(data)) == data
        talker.join()


def test_a_death_string_is_raised_after_what_came_before_it(wire):
    """Results that were printed before a panic are read before the panic is raised."""
    wire.console.watch(["Kernel panic"])
    wire.print(b"result: pass\r\nKernel panic - no init\r\n")
    seen = b""
    with pytest.raises(BoardDied, match="Kernel panic - no init"):
        while True:
            seen += wire.console.read(5)
    assert b"result: pass" in seen


def test_a_death_without_the_end_of_its_line_counts_too(wire):
    """An incomplete death string ends the read after a timeout."""
    wire.console.watch(["Kernel panic"])
    wire.print(b"Kernel panic - not")
    with pytest.raises(BoardDied, match="Kernel panic - not"):
        while True:
            wire.console.read(60)


def test_a_board_can_die_without_a_reader(wire):
    """A death is reported once to a thread that waits for something else, and to later readers."""
    told = SimpleQueue()
    wire.console.watch(["Kernel panic"])
    with wire.console.when_dead(told.put):
        wire.print(b"[    1.000000] Kernel panic - not syncing\r\nmore\r\n")
        assert str(told.get(timeout=10)) == "Kernel panic - not syncing"
        wire.console.watch(["Kernel panic", "U-Boot"])  # a new watch does not revive the board
        with pytest.raises(BoardDied):
            while True:
                wire.console.read(5)
    assert told.empty()


def test_an_earlier_death_is_reported_at_once(wire):
    """The board may have died between two waits."""
    told = SimpleQueue()
    wire.console.watch(["Kernel panic"])
    wire.print(b"Kernel panic\r\n")
    with pytest.raises(BoardDied):
        while True:
            wire.console.read(5)
    with wire.console.when_dead(told.put):
        assert isinstance(told.get_nowait(), BoardDied)


def test_no_watch_no_death(wire):
    """A board that is switched off, or starts anew, may print what it likes."""
    wire.console.watch(["U-Boot"])
    wire.console.watch(None)
    wire.print(b"U-Boot 2013.01\n")
    assert wire.read_all(15) == b"U-Boot 2013.01\n"


def test_forget_clears_a_death(wire):
    """After a power cycle the old panic does not count again."""
    wire.console.watch(["Kernel panic"])
    wire.print(b"Kernel panic\n")
    with pytest.raises(BoardDied):
        while True:
            wire.console.read(5)
    wire.console.forget()
    wire.print(b"fresh")
    assert wire.read_all(5) == b"fresh"


def test_a_far_end_that_goes_away_is_an_error_that_names_it(wire):
    """An unplugged adapter is an error with the port's name."""
    os.close(wire.board)
    wire.board = -1
    with pytest.raises(ConsoleError, match="board01: console test: the far end"):
        while True:
            wire.console.read(5)


def test_fail_ends_every_read(wire):
    """An interrupted run ends a wait of hours at once."""
    threading.Timer(0.05, wire.console.fail, [Cancelled("over")]).start()
    with pytest.raises(Cancelled, match="over"):
        wire.console.read(60)


def test_tail_has_the_last_lines(wire):
    """The last output is available for error messages."""
    wire.print(b"one\r\ntwo\r\n\r\nthree")
    deadline = time.monotonic() + 10
    while wire.console.tail() != ["one", "two", "three"] and time.monotonic() < deadline:
        wire.console.read(0.01)
    assert wire.console.tail() == ["one", "two", "three"]


def test_close_can_be_called_twice(wire):
    """Every way out of a run may close the console."""
    wire.console.close()
    wire.console.close()


def test_forget_makes_room(wire, monkeypatch):
    """A pump that waits for a slow reader continues when the reader drops the buffer."""
    monkeypatch.setattr(console_module, "BUFFER_BYTES", 1000)
    talker = threading.Thread(target=lambda: [wire.print(b"x" * 1000) for _ in range(100)])
    with wire.console.lossless():
        talker.start()
        deadline = time.monotonic() + 20
        while talker.is_alive() and time.monotonic() < deadline:
            wire.console.forget()
            talker.join(0.005)
        assert not talker.is_alive()


def test_lossless_within_lossless(wire, monkeypatch):
    """The end of the inner one does not end the outer one."""
    monkeypatch.setattr(console_module, "BUFFER_BYTES", 1000)
    with wire.console.lossless():
        with wire.console.lossless():
            pass
        for _ in range(5):
            wire.print(b"x" * 1000)
        time.sleep(0.1)
        assert wire.read_all(5000) == b"x" * 5000


def test_close_ends_a_pump_that_waits_for_its_reader(wire, monkeypatch):
    """A run that is interrupted in a test does not hang."""
    monkeypatch.setattr(console_module, "BUFFER_BYTES", 100)
    with wire.console.lossless():
        wire.print(b"x" * 1000)
        wire.print(b"y" * 1000)
        wire.console.close()


def test_short_reads_leave_a_death_its_time(wire):
    """A reader that looks in often gets the whole reason all the same."""
    wire.console.watch(["Kernel panic"])
    wire.print(b"Kernel panic - ")
    end = threading.Timer(0.1, wire.print, [b"the reason\n"])
    end.start()
    with pytest.raises(BoardDied, match="Kernel panic - the reason"):
        while True:
            wire.console.read(0.005)
    end.join()


def test_a_board_that_dies_with_its_console_has_died(wire):
    """Half a panic and then the end of the line: the panic is the reason."""
    wire.console.watch(["Kernel panic"])
    wire.print(b"Kernel panic - no in")
    assert wire.read_all(20) == b"Kernel panic - no in"
    os.close(wire.board)
    wire.board = -1
    with pytest.raises(BoardDied, match="Kernel panic - no in"):
        wire.console.read(60)


def test_half_a_death_before_a_power_cycle_is_none_after_it(wire):
    """After a power cycle, an incomplete line is not continued."""
    wire.console.watch(["Kernel panic"])
    wire.print(b"Kernel pan")
    assert wire.read_all(10) == b"Kernel pan"
    wire.console.forget()
    wire.print(b"ic\nfresh")
    assert wire.read_all(8) == b"ic\nfresh"


def test_a_failing_pump_fails_its_reader(wire, monkeypatch):
    """A full disk is an error for the reader."""

    def full(_data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(wire.console._transcript, "feed", full)
    wire.print(b"x")
    with pytest.raises(ConsoleError, match="cannot be recorded: .*No space left"):
        wire.console.read(60)


def test_a_character_delay_paces_what_is_typed(tmp_path):
    """A UART without flow control gets one character at a time."""
    times = []

    class Paced:
        name = "b1: paced"

        def __init__(self):
            self.ended = threading.Event()

        def read(self):
            self.ended.wait()
            return b""

        def write(self, data):
            times.append((data, time.monotonic()))

        def close(self):
            self.ended.set()

        def release(self):
            pass

    console = console_module.Console(
        Paced(), Transcript(tmp_path, time.monotonic), character_delay=0.02
    )
    console.write(b"abc")
    console.close()
    assert [data for data, _ in times] == [b"a", b"b", b"c"]
    assert all(after - before >= 0.02 for (_, before), (_, after) in pairwise(times))
