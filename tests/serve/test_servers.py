"""A run's servers: started when asked for, at the right address."""

from __future__ import annotations

import socket
from urllib.request import urlopen

import pytest

from lava_dispatcher_multinode.errors import DeployError
from lava_dispatcher_multinode.serve.servers import Servers, local_address


def test_a_url_is_what_the_board_asks_for():
    """Host as the board knows it; once taken away, it is gone."""
    with Servers() as servers:
        url = servers.url(b"content", "file", "127.0.0.1")
        with urlopen(url) as answer:
            assert answer.read() == b"content"
        servers.remove(url)
        with pytest.raises(OSError, match="404"):
            urlopen(url)
        translated = servers.url(b"content", "file", "10.0.2.2")
        assert translated.startswith("http://10.0.2.2:")
        with urlopen(translated.replace("10.0.2.2", "127.0.0.1")) as answer:
            assert answer.read() == b"content"


def test_nobody_but_the_boards_network_is_listened_to():
    """Our own address if it is one, else the loopback; never all of them."""
    assert local_address("127.0.0.1") == "127.0.0.1"
    assert local_address("127.9.8.7") == "127.9.8.7"
    for other in ("10.0.2.2", "192.0.2.1", "0.0.0.0"):
        assert local_address(other) == "127.0.0.1"


def test_a_port_that_is_taken_says_what_to_do():
    """A TFTP server that runs already: its directory will do."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other, Servers() as servers:
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]
        with pytest.raises(DeployError, match=r"port \d+: .*deploy\.tftp\.directory"):
            servers.tftp(b"kernel", "k", "127.0.0.1", port)
