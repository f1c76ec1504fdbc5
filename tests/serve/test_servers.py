"""The servers of a run: started at first use, at the right address."""

from __future__ import annotations

import socket
from urllib.request import urlopen

import pytest

from lava_dispatcher_multinode.errors import DeployError
from lava_dispatcher_multinode.serve.servers import Servers, local_address


def test_urls():
    """A URL has the host as the board knows it; a withdrawn file is not served."""
    with Servers() as servers:
        with servers.publish_http(b"content", "file", "127.0.0.1") as url, urlopen(url) as answer:
            assert answer.read() == b"content"
        with pytest.raises(OSError, match="404"):
            urlopen(url)
        with servers.publish_http(b"content", "file", "10.0.2.2") as translated:
            assert translated.startswith("http://10.0.2.2:")
            with urlopen(translated.replace("10.0.2.2", "127.0.0.1")) as answer:
                assert answer.read() == b"content"


def test_the_address_to_listen_at():
    """The server listens at an address of the host, else at the loopback; never at all."""
    assert local_address("127.0.0.1") == "127.0.0.1"
    assert local_address("127.9.8.7") == "127.9.8.7"
    for other in ("10.0.2.2", "192.0.2.1", "0.0.0.0"):
        assert local_address(other) == "127.0.0.1"


def test_a_used_port():
    """The error for a used port names deploy.tftp.directory."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other, Servers() as servers:
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]
        with pytest.raises(DeployError, match=r"port \d+ failed: .*deploy\.tftp\.directory"):
            servers.publish_tftp(b"kernel", "k", "127.0.0.1", port)
