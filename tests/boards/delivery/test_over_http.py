"""The overlay over the board's network, fetched from this host by a real program."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import ProxyHandler, build_opener

import pytest

from lava_dispatcher_multinode.boards.delivery.over_http import over_http
from lava_dispatcher_multinode.errors import DeployError
from lava_dispatcher_multinode.lab.device_model import Device, Network
from lava_dispatcher_multinode.serve.servers import Servers

from .conftest import arrived

ADDRESS = "echo 'inet 10.0.2.15/24'"


@pytest.fixture
def network_board(board, tmp_path):
    """A function that gives the shell of a board with these programs, and with its own scripts."""

    def make(*programs, **scripts):
        shell = board("env", *programs)
        for name, script in ({"ip": ADDRESS} | scripts).items():
            (tmp_path / "bin" / name).write_text(f"#!/bin/sh\n{script}\n")
            (tmp_path / "bin" / name).chmod(0o755)
        return shell

    return make


def _device(host="127.0.0.1", *commands):
    return Device("b1", "panda", dispatcher_ip=host, network=Network("eth0", commands))


@pytest.mark.parametrize(
    "program", [pytest.param(name, marks=pytest.mark.needs(name)) for name in ("wget", "curl")]
)
def test_the_board_fetches_all_of_it(network_board, parcel, program):
    """Archive, environment and mark, by either program; the archive does not stay."""
    with Servers() as servers:
        over_http(network_board("tar", "gzip", program), parcel, _device(), servers)
    arrived(parcel)
    assert list(Path(parcel.root, "tmp").iterdir()) == []


def test_without_an_address_nothing_is_asked_of_the_board(parcel):
    """The key that is missing is named."""
    with Servers() as servers, pytest.raises(DeployError, match="^dispatcher_ip is not set$"):
        over_http(None, parcel, _device(None), servers)


def test_a_network_that_does_not_come_up_ends_it(network_board, parcel):
    """The reason is the network's, not that of a fetch which cannot work."""
    device = _device("127.0.0.1", "false")
    shell = network_board(wget="exit 4", ip="exit 1")
    with Servers() as servers, pytest.raises(DeployError, match="'false' exited with 1"):
        over_http(shell, parcel, device, servers)


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo noise; echo 'wget: no route to host'; exit 4", "wget: no route to host"),
        ("exit 4", "exit code 4"),  # wget -q can be silent
    ],
)
def test_a_fetch_that_fails_says_why(network_board, parcel, script, reason):
    """The program's last line, or its status; not the path, which is secret."""
    with Servers() as servers, pytest.raises(DeployError) as caught:
        over_http(network_board("tar", wget=script), parcel, _device(), servers)
    assert str(caught.value) == f"the board cannot fetch from http://127.0.0.1: {reason}"


@pytest.mark.parametrize("code", [0, 4])
def test_what_was_fetched_is_served_no_more(network_board, parcel, tmp_path, code):
    """Each file has a URL of its own, which ends with the fetch, however that ends."""
    script = f"echo $4 >> {tmp_path}/urls; touch $3; exit {code}"
    shell = network_board(wget=f"{script}", tar="exit 0")
    with Servers() as servers:
        with pytest.raises(DeployError) if code else nullcontext():
            over_http(shell, parcel, _device(), servers)
        urls = (tmp_path / "urls").read_text().split()
        assert len(set(urls)) == (1 if code else 3)
        for url in urls:
            with pytest.raises(HTTPError) as caught:
                build_opener(ProxyHandler({})).open(url)
            caught.value.close()
            assert caught.value.code == 404


@pytest.mark.needs("wget")
def test_a_board_that_cannot_unpack_is_told_apart(network_board, parcel):
    """It has fetched the archive, and has no tar for it: another way may do."""
    with Servers() as servers, pytest.raises(DeployError, match="no tar that can unpack it"):
        over_http(network_board("wget"), parcel, _device(), servers)
    assert not Path(parcel.root, "lava-1").exists()
