"""LAVA's own dispatchers in the group: pollers as of 2013, and the class of today.

The class is LAVA's own, unmodified but for host and port; where it is not installed its
tests are skipped. LAVA_DISPATCHER_PATH can name directories, separated by colons, each with
another version: into which Debian's packages lava-dispatcher and lava-common were unpacked,
or a clone of upstream's repository.
"""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from lava_dispatcher_multinode.multinode.api import Api, Call, Status

from .. import needs
from ..needs import LAVA_VERSIONS


def eventually(ask, *, tries=200):
    """Poll until the reply is not "wait", as LAVA's client does."""
    for _ in range(tries):
        reply = ask()
        if reply["response"] != "wait":
            return reply
    raise AssertionError("still told to wait")


def test_a_group_of_pollers(serve):
    """A complete job of 2013 works: group data, messages, barriers, bundles, the end."""
    coordinator = serve({}, size=2)
    a = serve.poller(coordinator.address, "panda01", "server")
    b = serve.poller(coordinator.address, "panda02", "client", hostname="rack2")
    assert a.ask("group_data", group_size=2) == {"response": "wait"}
    roles = {"response": "group_data", "roles": {"panda01": "server", "panda02": "client"}}
    assert b.ask("group_data", group_size=2) == roles
    assert a.ask("group_data", group_size=2) == roles

    assert b.ask("lava_wait", messageID="ready", nodeID="1") == {"response": "wait"}
    assert a.ask("lava_send", messageID="ready", message={"ip": "10.0.0.1"}) == {"response": "ack"}
    answer = {"response": "ack", "message": {"panda01": {"ip": "10.0.0.1"}}}
    assert b.ask("lava_wait", messageID="ready", nodeID="1") == answer
    assert b.ask("lava_wait_all", messageID="ready", waitrole="server") == answer

    for _ in range(2):
        assert a.ask("lava_sync", messageID="done") == {"response": "wait"}
        assert b.ask("lava_sync", messageID="done") == {"response": "ack", "message": "done"}
        assert a.ask("lava_sync", messageID="done") == {"response": "ack", "message": "done"}

    assert a.ask("aggregate", bundle=None, sub_id="1.0") == {"response": "wait"}
    assert b.ask("aggregate", bundle="ff", sub_id="1.1") == {"response": "ack"}
    bundle = eventually(lambda: a.ask("aggregate", bundle=None, sub_id="1.0"))
    assert bundle["message"] == {"bundle": {"panda01": None, "panda02": "ff"}}
    assert a.ask("clear_group", group_size=2) == {"response": "ack"}
    never = b.ask("lava_wait", messageID="other")
    assert never["response"] == "nack"
    assert "panda01 finished" in never["reason"]


def test_a_poller_beside_our_own_members(serve, watch):
    """Polling and own members share barriers and messages."""
    coordinator = serve({"a": "ours", "b": "ours"}, size=3, secrets={"a": "1", "b": "2"})
    a = serve.member(coordinator, "a", "ours", secret="1")
    b = serve.member(coordinator, "b", "ours", secret="2")
    lava = serve.poller(coordinator.address, "42", "lava")
    roles = {"a": "ours", "b": "ours", "42": "lava"}
    assert lava.ask("group_data", group_size=3)["roles"] == roles
    for _ in range(2):
        waits = [a.ask("sync", "x"), b.ask("sync", "x")]
        assert eventually(lambda: lava.ask("lava_sync", messageID="x"))["message"] == "x"
        assert {wait().status for wait in waits} == {Status.DONE}
    a.call(Call(Api.SEND, "from-a", {"k": "1 2"}))
    assert lava.ask("lava_wait", messageID="from-a")["message"] == {"a": {"k": "1 2"}}
    waiting = b.ask("wait-all", "from-lava", role="lava")
    lava.ask("lava_send", messageID="from-lava", message={"port": 80})
    assert waiting().data == (("42", {"port": "80"}),)
    refused = serve.poller(coordinator.address, "a", "ours").ask("lava_send", messageID="x")
    assert refused["response"] == "nack"


def test_a_pollers_peer_is_lost(serve):
    """The next poll reports a lost peer, before the poller's own timeout."""
    coordinator = serve({"a": "ours"}, size=2)
    lava = serve.poller(coordinator.address, "42", "lava")
    assert lava.ask("lava_wait_all", messageID="x") == {"response": "wait"}
    coordinator.node_failed("a", "kernel panic")
    reply = eventually(lambda: lava.ask("lava_wait_all", messageID="x"))
    assert reply == {"response": "nack", "reason": "lava-wait-all x: a failed: kernel panic"}


LAVA_CLIENT = """
import json, logging, os, sys
from lava_dispatcher.protocols.multinode import MultinodeProtocol

host, port, group, name, role, size = sys.argv[1:]
settings = {"port": int(port), "blocksize": 4096, "poll_delay": 0.2, "coordinator_hostname": host}
parameters = {"protocols": {"lava-multinode": {
    "target_group": group, "role": role, "group_size": int(size), "sub_id": "0",
    "roles": {}, "timeout": {"seconds": 30}}}}
# Host and port come from a file of the machine's; that is all that is changed.
CONFIGURATION = "/etc/lava-coordinator/lava-coordinator.conf"
exists = os.path.exists
os.path.exists = lambda path: path == CONFIGURATION or exists(path)
MultinodeProtocol.read_settings = lambda self, filename: settings
try:
    protocol = MultinodeProtocol(parameters, name)
except TypeError:  # later versions also take the job's logger
    protocol = MultinodeProtocol(parameters, name, logging.getLogger())
protocol.job = type("Job", (), {"job_id": name})()
protocol.set_up()


def call(request, message_id, **fields):
    answer = protocol({"request": request, "messageID": message_id} | fields)
    print(json.dumps(answer))


call("lava_send", "from-" + name, message={"name": name})
call("lava_sync", "both")
call("lava_wait", "from-" + ("two" if name == "one" else "one"))
call("lava_sync", "both")
protocol.finalise_protocol()
"""


@pytest.fixture(params=LAVA_VERSIONS)
def lava(serve, request):
    """Start a LAVA member; skip if LAVA's dispatcher is not installed."""
    environment = os.environ | {"PYTHONPATH": needs.lava(request.param)}
    debians = "/usr/bin/python3"  # it has what Debian's packages of LAVA depend on
    python = debians if Path(debians).exists() else sys.executable
    processes = []

    def start(coordinator, name, role, size):
        host, port = coordinator.address
        words = (host, str(port), serve.group, name, role, str(size))
        processes.append(
            subprocess.Popen(
                [python, "-c", LAVA_CLIENT, *words],
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
        return processes[-1]

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def output(process):
    """Return the replies that a LAVA member received."""
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    return [json.loads(line) for line in out.splitlines()]


def test_two_of_lavas_own(serve, lava):
    """A group can consist of LAVA's dispatcher class only."""
    coordinator = serve({}, size=2)
    one, two = (lava(coordinator, name, "r", 2) for name in ("one", "two"))
    assert output(one) == ["ack", "both", {"two": {"name": "two"}}, "both"]
    assert output(two) == ["ack", "both", {"one": {"name": "one"}}, "both"]


def test_one_of_lavas_own_and_one_of_ours(serve, lava):
    """LAVA's and own members share barriers."""
    coordinator = serve({"two": "ours"}, size=2, secrets={"two": "s"})
    ours = serve.member(coordinator, "two", "ours", secret="s")
    process = lava(coordinator, "one", "lava", 2)
    outcomes = []

    def play():
        for call in (
            Call(Api.SEND, "from-two", {"name": "two"}),
            Call(Api.SYNC, "both"),
            Call(Api.WAIT, "from-one"),
            Call(Api.SYNC, "both"),
        ):
            outcomes.append(ours.call(call))

    thread = threading.Thread(target=play)
    thread.start()
    try:
        answers = output(process)
    finally:
        coordinator.abort("the test has ended")
        thread.join()
    assert answers == ["ack", "both", {"two": {"name": "two"}}, "both"]
    assert [outcome.status for outcome in outcomes] == [Status.DONE] * 4
    assert outcomes[2].data == (("one", {"name": "one"}),)
