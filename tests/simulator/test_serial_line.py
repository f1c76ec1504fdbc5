"""The serial line and the power switch, with a pty and a socket."""

import contextlib
import json
import os
import pty
import socket
import threading
import tty

import pytest

from lava_dispatcher_multinode.simulator import serial_line as wire_module
from lava_dispatcher_multinode.simulator.fault_injection import Mischief
from lava_dispatcher_multinode.simulator.serial_line import LabGone, PowerCut, Wire


@pytest.fixture
def ends():
    """A wire, the descriptor of its far end, and the lab's socket."""
    master, slave = pty.openpty()
    tty.setraw(slave)
    lab, control = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with lab, control:
        yield Wire(master, control, Mischief({})), slave, lab
    os.close(master)
    os.close(slave)


def ask(lab, **request):
    """Send a request of the lab's."""
    lab.send(json.dumps(request).encode())


def test_both_directions(ends):
    """Bytes pass as they are, whatever they are."""
    wire, far, _ = ends
    every = bytes(range(256))
    wire.send(every)
    assert os.read(far, 1000) == every
    os.write(far, every)
    assert wire.receive(5) == every


def test_receive_gives_up(ends):
    """Nothing typed is nothing received, after the time given."""
    assert ends[0].receive(0.01) == b""


def test_text_ends_lines_as_firmware_does(ends):
    """A newline is CR LF on the wire."""
    wire, far, _ = ends
    wire.text("a\nb\n")
    assert os.read(far, 100) == b"a\r\nb\r\n"


def test_power_on_loses_what_was_typed(ends):
    """What was typed at a board that is off does not come through later."""
    wire, far, lab = ends
    os.write(far, b"early")
    ask(lab, do="on", hosts={"a": "10.0.0.1"})
    wire.wait(1)
    assert wire.powered
    assert wire.hosts == {"a": "10.0.0.1"}
    assert json.loads(lab.recv(100)) == {}
    assert wire.receive(0.01) == b""


def test_power_cut_ends_any_wait(ends):
    """Off comes out of whatever the board is doing: also out of sleeping and printing."""
    wire, _, lab = ends
    for busy in (
        lambda: wire.sleep(60),
        lambda: wire.receive(None),
        wire.forever,
        lambda: wire.send(b"x" * (1 << 20)),
    ):
        ask(lab, do="on", hosts={})
        wire.wait(1)
        lab.recv(100)
        ask(lab, do="off")
        with pytest.raises(PowerCut):
            busy()
        assert not wire.powered


def test_off_when_off(ends):
    """Off is answered at once when the power is off already, and that it was."""
    wire, _, lab = ends
    ask(lab, do="off")
    wire.wait(1)
    assert json.loads(lab.recv(100)) == {"off": True, "pending": []}


def test_lab_gone(ends):
    """A lab that closes its socket ends the board."""
    wire, _, lab = ends
    lab.close()
    with pytest.raises(LabGone):
        wire.wait(None)


def test_slow_reader_loses_nothing(ends):
    """A reader that takes its time gets every byte."""
    wire, far, _ = ends
    data = os.urandom(300_000)
    got = bytearray()

    def read():
        while len(got) < len(data):
            got.extend(os.read(far, 777))

    reader = threading.Thread(target=read)
    reader.start()
    wire.send(data)
    reader.join(20)
    assert bytes(got) == data


def test_unread_bytes_are_lost_in_the_end(ends, monkeypatch):
    """A board that nobody listens to goes on, and prints again once somebody does."""
    monkeypatch.setattr(wire_module, "UNREAD", 0.05)
    wire, far, _ = ends
    wire.send(b"x" * 200_000)
    os.set_blocking(far, False)
    with contextlib.suppress(BlockingIOError):
        while os.read(far, 65536):
            pass
    wire.send(b"heard")
    assert os.read(far, 100) == b"heard"
