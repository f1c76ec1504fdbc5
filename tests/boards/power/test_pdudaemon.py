"""The switch of a pdudaemon: the real daemon on loopback, and faulty servers."""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import socket
import subprocess
import threading
import time

import pytest

from lava_dispatcher_multinode.boards.power.pdudaemon import PduDaemonSwitch
from lava_dispatcher_multinode.errors import PowerError
from lava_dispatcher_multinode.lab.device_sections import PduDaemon, Power

from ...needs import require

DAEMON = shutil.which("pdudaemon")


@pytest.fixture
def daemon(tmp_path):
    """Start a pdudaemon with two PDUs made of shell commands: one logs, one fails to start."""
    require("pdudaemon")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    log = tmp_path / "log"
    bench = {
        "driver": "localcmdline",
        "cmd_on": f"echo on %s >> {log}",
        "cmd_off": f"echo off %s >> {log}",
    }
    broken = {"driver": "localcmdline", "cmd_on": "echo %d", "retries": 1, "retrydelay": 0}
    settings = {
        "daemon": {"hostname": "127.0.0.1", "port": port, "listener": "http"},
        "pdus": {"bench": bench, "broken": broken},
        "aliases": {"panda01": {"hostname": "bench", "port": "7"}},
    }
    (tmp_path / "conf").write_text(json.dumps(settings))
    process = subprocess.Popen(
        [DAEMON, "--conf", str(tmp_path / "conf")],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONWARNINGS": "ignore"},
    )
    try:
        said = b""
        until = time.monotonic() + 30
        while b"Listening on" not in said:
            ready, _, _ = select.select([process.stdout], [], [], until - time.monotonic())
            assert ready, said
            block = os.read(process.stdout.fileno(), 4096)
            assert block, said
            said += block
        yield f"http://127.0.0.1:{port}", log
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_the_real_daemon_switches(daemon):
    """It switches by hostname and port, and by alias; off precedes on."""
    url, log = daemon
    power = Power(settle=0)
    PduDaemonSwitch("b1", power, PduDaemon(url, "bench", "3")).cycle()
    PduDaemonSwitch("b1", power, PduDaemon(url, alias="panda01")).off()
    assert log.read_text() == "off 3\non 3\noff 7\n"


def test_a_refusal_of_the_real_daemon_is_an_error(daemon):
    """For an unknown PDU and a failing one, the error has answer, board, PDU and address."""
    url, _ = daemon
    with pytest.raises(PowerError, match=r"b1: power off \(other port 3\): .* answers 500: Inval"):
        PduDaemonSwitch("b1", Power(), PduDaemon(url, "other", "3")).off()
    with pytest.raises(PowerError, match=r"b1: power on \(broken port x\): .* answers 500"):
        PduDaemonSwitch("b1", Power(), PduDaemon(url, "broken", "x")).on()


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (b"", "cannot be reached"),
        (b"220 smtp\r\n", "cannot be reached"),
        (b"HTTP/1.0 403 Forbidden\r\n\r\nnot you", "answers 403: not you"),
        (None, r"has not answered within 0\.2 s"),
    ],
)
def test_a_wrong_server_is_an_error(answer, message):
    """Silence and invalid answers are failures."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=_answer, args=(server, answer))
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(PowerError, match=f"b1: power off .*{message}"):
            PduDaemonSwitch("b1", Power(timeout=0.2), PduDaemon(url, "p", "1")).off()
        thread.join()


def test_a_password_in_the_url_is_sent_but_not_printed():
    """A proxy may need a password; errors are published with results."""
    heads = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        answer = b"HTTP/1.0 500 No\r\n\r\nno"
        thread = threading.Thread(target=_answer, args=(server, answer, heads))
        thread.start()
        url = f"http://me:secret@127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(PowerError, match="answers 500: no") as caught:
            PduDaemonSwitch("b1", Power(), PduDaemon(url, "p", "1")).off()
        thread.join()
    assert b"Authorization: Basic bWU6c2VjcmV0\r\n" in heads[0]
    assert "secret" not in str(caught.value)


def test_a_daemon_that_is_not_there_is_an_error():
    """The error has the address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(PowerError, match=f"127.0.0.1:{port} cannot be reached: .*refused"):
        PduDaemonSwitch("b1", Power(), PduDaemon(f"http://127.0.0.1:{port}", "p", "1")).off()


def test_half_a_configuration_is_refused():
    """The error names the keys that a PDU needs."""
    with pytest.raises(PowerError, match="needs hostname and port of the PDU, or an alias"):
        PduDaemonSwitch("b1", Power(), PduDaemon(hostname="p"))


def _answer(server, answer, heads=None):
    with contextlib.suppress(OSError):
        connection, _ = server.accept()
        with connection:
            head = connection.recv(4096)
            if heads is not None:
                heads.append(head)
            if answer is None:
                connection.recv(1)  # until the client gives up
            else:
                connection.sendall(answer)
