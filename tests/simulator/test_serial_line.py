"""The serial line and the power switch, with a pty and a socket."""

import contextlib
import json
import os
import pty
import socket
import threading
import tty

import pytest

from lava_dispatcher_multinode.simulator import serial_line
from lava_dispatcher_multinode.simulator.faults import FaultInjector
from lava_dispatcher_multinode.simulator.serial_line import LabGone, PowerCut, SerialLine


@pytest.fixture
def ends():
    """A serial line, the descriptor of its far end, and the socket of the lab."""
    master, slave = pty.openpty()
    tty.setraw(slave)
    lab, control = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with lab, control:
        yield SerialLine(master, control, FaultInjector({})), slave, lab
    os.close(master)
    os.close(slave)


def send_request(lab, **request):
    """Send a request as the lab does."""
    lab.send(json.dumps(request).encode())


def test_both_directions(ends):
    """All byte values pass unchanged in both directions."""
    serial, far, _ = ends
    every = bytes(range(256))
    serial.write(every)
    assert os.read(far, 1000) == every
    os.write(far, every)
    assert serial.receive(5) == every


def test_receive_gives_up(ends):
    """`receive` returns no bytes after its timeout."""
    assert ends[0].receive(0.01) == b""


def test_text_ends_lines_as_firmware_does(ends):
    """A newline is CR LF on the line."""
    serial, far, _ = ends
    serial.write_text("a\nb\n")
    assert os.read(far, 100) == b"a\r\nb\r\n"


def test_power_on_loses_what_was_typed(ends):
    """Bytes typed while the power is off are lost."""
    serial, far, lab = ends
    os.write(far, b"early")
    send_request(lab, do="on", hosts={"a": "10.0.0.1"})
    serial.wait(1)
    assert serial.powered
    assert serial.hosts == {"a": "10.0.0.1"}
    assert json.loads(lab.recv(100)) == {}
    assert serial.receive(0.01) == b""


def test_power_cut_ends_any_wait(ends):
    """A power cut ends every wait, sleeping and printing included."""
    serial, _, lab = ends
    for busy in (
        lambda: serial.sleep(60),
        lambda: serial.receive(None),
        serial.wait_for_power_cut,
        lambda: serial.write(b"x" * (1 << 20)),
    ):
        send_request(lab, do="on", hosts={})
        serial.wait(1)
        lab.recv(100)
        send_request(lab, do="off")
        with pytest.raises(PowerCut):
            busy()
        assert not serial.powered


def test_off_when_off(ends):
    """A board without power confirms power-off at once."""
    serial, _, lab = ends
    send_request(lab, do="off")
    serial.wait(1)
    assert json.loads(lab.recv(100)) == {"off": True, "pending": []}


def test_a_dead_lab(ends):
    """The board ends when the lab closes its socket."""
    serial, _, lab = ends
    lab.close()
    with pytest.raises(LabGone):
        serial.wait(None)


def test_slow_reader_loses_nothing(ends):
    """A slow reader receives every byte."""
    serial, far, _ = ends
    data = os.urandom(300_000)
    got = bytearray()

    def read():
        while len(got) < len(data):
            got.extend(os.read(far, 777))

    reader = threading.Thread(target=read)
    reader.start()
    serial.write(data)
    reader.join(20)
    assert bytes(got) == data


def test_unread_bytes_are_lost(ends, monkeypatch):
    """A board without a reader runs on, and a later reader sees new output."""
    monkeypatch.setattr(serial_line, "UNREAD_TIMEOUT_S", 0.05)
    serial, far, _ = ends
    serial.write(b"x" * 200_000)
    os.set_blocking(far, False)
    with contextlib.suppress(BlockingIOError):
        while os.read(far, 65536):
            pass
    serial.write(b"heard")
    assert os.read(far, 100) == b"heard"
