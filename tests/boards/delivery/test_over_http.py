"""Delivery over the network: a real program fetches from this host."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import ProxyHandler, build_opener

import pytest

from lava_dispatcher_multinode.boards.delivery.over_http import over_http
from lava_dispatcher_multinode.errors import DeployError
from lava_dispatcher_multinode.lab.device_model import Device
from lava_dispatcher_multinode.lab.device_sections import Network
from lava_dispatcher_multinode.serve.servers import Servers

from .conftest import arrived

ADDRESS = "echo 'inet 10.0.2.15/24'"


@pytest.fixture
def network_board(board, tmp_path):
    """Return a function: programs and scripts -> the shell of a board that has only these."""

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
def test_the_board_fetches_all_of_it(network_board, bundle, program):
    """Archive, environment and checksum arrive with either program; the archive is removed."""
    with Servers() as servers:
        over_http(network_board("tar", "gzip", program), bundle, _device(), servers)
    arrived(bundle)
    assert list(Path(bundle.root, "tmp").iterdir()) == []


def test_without_dispatcher_ip_the_board_runs_nothing(bundle):
    """The error names the missing key."""
    with Servers() as servers, pytest.raises(DeployError, match="^dispatcher_ip is not set$"):
        over_http(None, bundle, _device(None), servers)


def test_a_network_that_does_not_come_up_ends_it(network_board, bundle):
    """The error has the reason of the network, not of the fetch that follows from it."""
    device = _device("127.0.0.1", "false")
    shell = network_board(wget="exit 4", ip="exit 1")
    with Servers() as servers, pytest.raises(DeployError, match="'false' exited with 1"):
        over_http(shell, bundle, device, servers)


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo noise; echo 'wget: no route to host'; exit 4", "wget: no route to host"),
        ("exit 4", "exit code 4"),  # wget -q can be silent
    ],
)
def test_a_fetch_that_fails_says_why(network_board, bundle, script, reason):
    """The error has the program's last line or its status; the path is secret."""
    with Servers() as servers, pytest.raises(DeployError) as caught:
        over_http(network_board("tar", wget=script), bundle, _device(), servers)
    assert str(caught.value) == f"the board cannot fetch from http://127.0.0.1: {reason}"


@pytest.mark.parametrize("code", [0, 4])
def test_a_fetched_file_is_no_longer_served(network_board, bundle, tmp_path, code):
    """Each URL ends with its fetch, successful or not."""
    script = f"echo $4 >> {tmp_path}/urls; touch $3; exit {code}"
    shell = network_board(wget=f"{script}", tar="exit 0")
    with Servers() as servers:
        with pytest.raises(DeployError) if code else nullcontext():
            over_http(shell, bundle, _device(), servers)
        urls = (tmp_path / "urls").read_text().split()
        assert len(set(urls)) == (1 if code else 3)
        for url in urls:
            with pytest.raises(HTTPError) as caught:
                build_opener(ProxyHandler({})).open(url)
            caught.value.close()
            assert caught.value.code == 404


@pytest.mark.needs("wget")
def test_a_board_that_cannot_unpack_has_its_own_error(network_board, bundle):
    """The archive arrived but the board has no tar: another method may work."""
    with Servers() as servers, pytest.raises(DeployError, match="no tar that can unpack it"):
        over_http(network_board("wget"), bundle, _device(), servers)
    assert not Path(bundle.root, "lava-1").exists()
