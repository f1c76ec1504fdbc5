"""Telnet over a socket: negotiated before the first byte, with clear errors."""

from __future__ import annotations

import socket
import termios
import threading

import pytest

from lava_dispatcher_multinode.console import telnet_link
from lava_dispatcher_multinode.console.tcp import open_tcp
from lava_dispatcher_multinode.errors import ConsoleError, ConsoleTaken

KINDS = [("socket", "tcp"), ("telnet", "telnet,tcp"), ("rfc2217", "telnet(rfc2217),tcp")]


def _open(scheme, port, baud=115200):
    return open_tcp(f"{scheme}://127.0.0.1:{port}", baud, "b1", 10)


def test_rfc2217_sets_the_speed(ser2net, pty, opened):
    """The device file's baud is the port's, and pyserial's own options do no harm."""
    port = ser2net("telnet(rfc2217),tcp").port
    opened(open_tcp(f"rfc2217://127.0.0.1:{port}?ign_set_control&timeout=3", 9600, "b1", 10))
    assert termios.tcgetattr(pty[0])[4] == termios.B9600


def test_telnet_leaves_the_speed(ser2net, pty, opened):
    """Plain telnet does not change the settings of the port."""
    opened(_open("telnet", ser2net("telnet(rfc2217),tcp").port, baud=9600))
    assert termios.tcgetattr(pty[0])[4] == termios.B115200


@pytest.mark.parametrize(("scheme", "accepter"), KINDS)
def test_a_port_that_another_client_has_is_not_taken(scheme, accepter, ser2net, opened):
    """ser2net has one client a port: known at once, and in a class of its own."""
    port = ser2net(accepter).port
    opened(_open(scheme, port))
    with pytest.raises(ConsoleTaken, match=f"b1: console {scheme}.*: another client holds"):
        _open(scheme, port)


def test_a_server_without_port_control_is_reported(ser2net):
    """rfc2217:// to a plain telnet port leads to telnet://."""
    port = ser2net("telnet,tcp").port
    with pytest.raises(ConsoleError, match="b1: console rfc2217.* use telnet://"):
        _open("rfc2217", port)


def test_a_raw_port_is_no_telnet(ser2net, monkeypatch):
    """telnet:// to a raw port leads to socket://."""
    monkeypatch.setattr(telnet_link, "NEGOTIATION_TIMEOUT_S", 0.3)
    port = ser2net("tcp").port
    with pytest.raises(ConsoleError, match="does not speak telnet: use socket://"):
        _open("telnet", port)


def test_a_server_with_another_speed_is_reported():
    """A port that cannot do the speed must not look like a silent board."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        peers = []

        def serve():
            peer, _ = server.accept()
            peers.append(peer)
            peer.sendall(
                b"\xff\xfb\x00\xff\xfb\x03\xff\xfd\x00\xff\xfd\x03\xff\xfd\x2c"
                b"\xff\xfa\x2c\x65\x00\x00\x25\x80\xff\xf0"
            )

        serving = threading.Thread(target=serve)
        serving.start()
        with pytest.raises(ConsoleError, match="requested 115200 baud, server: 9600"):
            _open("rfc2217", server.getsockname()[1])
        serving.join()
        peers[0].close()


def test_output_during_the_negotiation_is_read(opened):
    """Output during the negotiation is not lost."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        peers = []

        def serve():
            peer, _ = server.accept()
            peers.append(peer)
            peer.sendall(b"early\xff\xfb\x00\xff\xfb\x03\xff\xfd\x00\xff\xfd\x03")

        serving = threading.Thread(target=serve)
        serving.start()
        transport = opened(_open("telnet", server.getsockname()[1]))
        serving.join()
        assert transport.read() == b"early"
        peers[0].close()


def test_a_refusal_behind_the_options():
    """A server may settle the options before it reports that the port is in use."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            peer, _ = server.accept()
            with peer:
                peer.sendall(b"\xff\xfb\x00\xff\xfb\x03\xff\xfd\x00\xff\xfd\x03")
                received = b""
                while len(received) < 12:  # the client has agreed to all four
                    received += peer.recv(100)
                peer.sendall(b"Port already in use\r\n")

        serving = threading.Thread(target=serve)
        serving.start()
        with pytest.raises(ConsoleTaken):
            _open("telnet", server.getsockname()[1])
        serving.join()
