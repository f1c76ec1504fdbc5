"""Links that drop: read and write wait for the next one, for a bounded time."""

from __future__ import annotations

import os
import re
import socket
import threading
import time
import tty

import pytest

from lava_dispatcher_multinode.console import reconnect
from lava_dispatcher_multinode.console.board_console import Console
from lava_dispatcher_multinode.console.open import open_console
from lava_dispatcher_multinode.console.reconnect import Reconnecting
from lava_dispatcher_multinode.console.transcript import Transcript
from lava_dispatcher_multinode.console.transport import DescriptorTransport
from lava_dispatcher_multinode.errors import ConsoleError
from lava_dispatcher_multinode.lab.device_sections import ConsoleConnection


class Exchange:
    """A far end in memory; `peers` are its ends of the links, `down` refuses new ones."""

    def __init__(self):
        self.peers = []
        self.down = False
        self.attempts = 0
        self.connected = threading.Semaphore(0)
        self.refused = threading.Event()

    def connect(self, seconds):
        """Return a link, or refuse it."""
        self.attempts += 1
        assert 0 < seconds <= reconnect.FIRST_CONNECT_TIMEOUT_S
        if self.down:
            self.refused.set()
            raise ConsoleError("b1: cannot connect: no route")
        ours, theirs = socket.socketpair()
        self.peers.append(theirs)
        self.connected.release()
        return DescriptorTransport(ours.detach(), "b1: test")


@pytest.fixture
def exchange(monkeypatch):
    """A far end whose links all count from the first moment."""
    monkeypatch.setattr(reconnect, "MIN_LINK_S", 0.0)
    made = Exchange()
    yield made
    for peer in made.peers:
        peer.close()


@pytest.fixture
def notes():
    """The notes for console.log."""
    return []


@pytest.fixture
def transport(exchange, notes, opened):
    """A transport that tries for ten seconds."""
    return opened(Reconnecting(exchange.connect, 10, notes.append))


def _in_thread(function, *arguments):
    results = []

    def work():
        try:
            results.append(function(*arguments))
        except ConsoleError as error:
            results.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    return thread, results


def test_a_reader_waits_for_the_next_link(exchange, transport, notes):
    """What comes through the next link is read as if nothing had been, and the gap is noted."""
    thread, results = _in_thread(transport.read)
    exchange.connected.acquire()
    exchange.peers[0].close()
    assert exchange.connected.acquire(timeout=10)
    exchange.peers[1].sendall(b"again")
    thread.join()
    assert results == [b"again"]
    assert notes[0] == "b1: test: the far end closed the connection; reconnecting for up to 10 s"
    assert re.match(r"reconnected after \d+\.\d s", notes[1])


def test_a_writer_waits_for_the_next_link(exchange, transport):
    """Input during a gap is sent after it."""
    reader, read = _in_thread(transport.read)
    exchange.connected.acquire()
    exchange.down = True
    exchange.peers[0].close()
    assert exchange.refused.wait(10)
    writer, written = _in_thread(transport.write, b"typed")
    exchange.down = False
    assert exchange.connected.acquire(timeout=10)
    assert exchange.peers[1].recv(5) == b"typed"
    writer.join()
    assert written == [None]
    transport.close()
    reader.join()
    assert read == [b""]


def test_a_write_that_was_cut_goes_on(exchange, transport):
    """The part that the lost link had accepted is not sent again."""
    reader, _ = _in_thread(transport.read)
    exchange.connected.acquire()
    data = b"".join(b"%07d\n" % number for number in range(500_000))
    writer, written = _in_thread(transport.write, data)
    first = exchange.peers[0].recv(1000)
    while len(first) < 1_000_000:
        first += exchange.peers[0].recv(65536)
    exchange.peers[0].close()
    assert exchange.connected.acquire(timeout=10)
    second = b""
    while len(second) < 8 or not second.endswith(data[-8:]):
        second += exchange.peers[1].recv(65536)
    writer.join()
    assert written == [None]
    assert data.startswith(first)
    assert data.endswith(second)
    assert len(first) + len(second) <= len(data)
    transport.close()
    reader.join()


def test_the_time_is_bounded(exchange, opened, notes):
    """A console that stays away is an error with since when and why, for readers and writers."""
    transport = opened(Reconnecting(exchange.connect, 0.3))
    exchange.down = True
    exchange.peers[0].close()
    began = time.monotonic()
    with pytest.raises(
        ConsoleError, match=r"no route; no connection since \d\d:\d\d:\d\d, for more than 0.3"
    ):
        transport.read()
    assert time.monotonic() - began < 5
    with pytest.raises(ConsoleError, match="no connection since"):
        transport.write(b"x")
    with pytest.raises(ConsoleError, match="no connection since"):
        transport.read()


def test_attempts_become_rarer(exchange, opened):
    """The delay between attempts increases."""
    transport = opened(Reconnecting(exchange.connect, 1.0))
    exchange.down = True
    exchange.peers[0].close()
    with pytest.raises(ConsoleError):
        transport.read()
    assert 2 <= exchange.attempts <= 6  # after 0.1, 0.3, 0.7 s


def test_never_is_never(exchange, opened):
    """`reconnect: 0` reports the first loss."""
    transport = opened(Reconnecting(exchange.connect, 0))
    exchange.peers[0].close()
    with pytest.raises(ConsoleError, match="the far end closed the connection$"):
        transport.read()
    assert exchange.attempts == 1


def test_what_never_held_is_not_tried_again(exchange, opened, monkeypatch):
    """A misspelt command fails at once."""
    monkeypatch.setattr(reconnect, "MIN_LINK_S", 60.0)
    transport = opened(Reconnecting(exchange.connect, 60))
    exchange.peers[0].close()
    with pytest.raises(ConsoleError, match="the far end closed the connection$"):
        transport.read()
    assert exchange.attempts == 1


def test_the_last_output_of_a_failed_connection_is_reported(opened, monkeypatch):
    """The error has the last output of the command."""
    monkeypatch.setattr(reconnect, "MIN_LINK_S", 60.0)
    made = opened(open_console(ConsoleConnection(command="echo no such port >&2; exit 3"), "b1"))
    with pytest.raises(ConsoleError, match=r"the command has ended; last output 'no such port'$"):
        while made.read():
            pass


def test_links_that_do_not_hold_are_one_gap(exchange, opened, monkeypatch, notes):
    """A port that accepts and hangs up does not make the wait endless."""
    transport = opened(Reconnecting(exchange.connect, 0.5, notes.append))
    connect = exchange.connect

    def connect_and_hang_up(seconds):
        link = connect(seconds)
        exchange.peers[-1].close()
        return link

    transport._connect = connect_and_hang_up
    transport._opened -= 60
    monkeypatch.setattr(reconnect, "MIN_LINK_S", 50.0)
    exchange.peers[0].close()
    began = time.monotonic()
    with pytest.raises(ConsoleError, match="no connection since"):
        transport.read()
    assert 0.5 <= time.monotonic() - began < 5
    assert exchange.attempts <= 5
    assert len(notes) <= 10


def test_close_ends_a_gap(exchange, opened):
    """Ctrl-C ends the wait for a console server, for all threads."""
    transport = opened(Reconnecting(exchange.connect, 600))
    exchange.down = True
    exchange.peers[0].close()
    reader, read = _in_thread(transport.read)
    assert exchange.refused.wait(10)
    writer, written = _in_thread(transport.write, b"x")
    transport.close()
    reader.join(10)
    writer.join(10)
    assert read == [b""]
    assert "is closed" in str(written[0])


def test_a_link_that_comes_after_the_close_is_released(exchange, opened):
    """An attempt that succeeds too late leaves nothing open."""
    transport = opened(Reconnecting(exchange.connect, 600))
    begun, go_on = threading.Event(), threading.Event()
    connect = exchange.connect

    def connect_late(seconds):
        begun.set()
        go_on.wait(10)
        return connect(seconds)

    transport._connect = connect_late
    exchange.peers[0].close()
    reader, read = _in_thread(transport.read)
    assert begun.wait(10)
    transport.close()
    go_on.set()
    reader.join(10)
    assert read == [b""]
    assert exchange.peers[1].recv(1) == b""


def test_ser2net_restarted(ser2net, pty, tmp_path, monkeypatch):
    """The whole console over a console server that is restarted: log, raw and reader go on."""
    monkeypatch.setattr(reconnect, "MIN_LINK_S", 0.0)
    server = ser2net("telnet(rfc2217),tcp")
    started = time.monotonic()
    transcript = Transcript(tmp_path / "node", lambda: time.monotonic() - started)
    connection = ConsoleConnection(serial=f"rfc2217://127.0.0.1:{server.port}")
    console = Console(open_console(connection, "b1", transcript.note), transcript)
    try:
        os.write(pty[0], b"before\r\n")
        assert _read(console, 8) == b"before\r\n"
        server.stop()
        server.start()
        writer, _ = _in_thread(console.write, b"typed\r")
        got = b""
        while b"typed\r" not in got:
            got += os.read(pty[0], 100)
        writer.join()
        os.write(pty[0], b"after\r\n")
        assert _read(console, 7) == b"after\r\n"
    finally:
        console.close()
    assert (tmp_path / "node/console.raw").read_bytes() == b"before\r\nafter\r\n"
    log = (tmp_path / "node/console.log").read_text()
    assert "far end closed the connection" in log
    assert "-- reconnected after" in log


def test_an_adapter_that_comes_back(tmp_path, pty, opened, monkeypatch):
    """A USB adapter that is enumerated again is opened again, by its name that stays."""
    monkeypatch.setattr(reconnect, "MIN_LINK_S", 0.0)
    master, slave = os.openpty()
    tty.setraw(slave)
    name = tmp_path / "by-id"
    name.symlink_to(os.ttyname(slave))
    back = threading.Event()

    def on_note(text):
        if "reconnected after" in text:
            back.set()

    transport = opened(open_console(ConsoleConnection(serial=str(name)), "b1", on_note))
    os.close(slave)
    name.unlink()
    os.close(master)  # unplugged
    reader, read = _in_thread(transport.read)
    name.symlink_to(pty[1])
    assert back.wait(10)
    os.write(pty[0], b"back")
    reader.join(10)
    assert read == [b"back"]


def test_a_command_is_started_again(opened, monkeypatch, tmp_path):
    """An ssh whose network went away is run again."""
    monkeypatch.setattr(reconnect, "MIN_LINK_S", 0.0)
    command = f"echo run >> {tmp_path}/runs; echo up; read line; echo $line"
    transport = opened(open_console(ConsoleConnection(command=command), "b1"))
    assert _lines(transport, 1) == [b"up"]
    transport.write(b"one\n")
    assert _lines(transport, 2) == [b"one", b"up"]
    assert (tmp_path / "runs").read_text() == "run\nrun\n"


def _read(console, count):
    data, deadline = b"", time.monotonic() + 20
    while len(data) < count and time.monotonic() < deadline:
        data += console.read(1.0)
    return data


def _lines(transport, count):
    data = b""
    while data.count(b"\n") < count:
        data += transport.read()
    return data.split()
