"""What ends a node under LAVA's dispatcher, besides LAVA; tests/lava has whole runs."""

from __future__ import annotations

import ipaddress
import threading
from types import SimpleNamespace

import pytest

from lava_dispatcher_multinode.errors import ActionTimeout, Cancelled, InvalidJob, TestRaised
from lava_dispatcher_multinode.lab.device_model import Device
from lava_dispatcher_multinode.lava.log import LavaLog
from lava_dispatcher_multinode.run.lava_node import LavaNode, _own_address


@pytest.fixture
def node(tmp_path):
    """A node whose process is not started."""
    services = SimpleNamespace(cancelled=threading.Event(), log=lambda *_: None)
    return LavaNode(Device("n", "panda", host="lava"), "r", services, tmp_path, None, None)


@pytest.fixture
def refusal():
    """The log of a job that LAVA has refused."""
    log = LavaLog("n", lambda *_, **__: None, lambda: 0.0, lambda _: None, [])
    log.failure = ("Job", "no url")
    return log


def test_what_lava_says_counts(node, refusal):
    """If nothing else has ended it."""
    with pytest.raises(InvalidJob, match="no url"):
        node._raise_failure(refusal, 1)


def test_a_limit_that_we_have_set_comes_first(node, refusal):
    """LAVA's own message then only says that it was ended."""
    node._timeout = "not done within 3 s"
    with pytest.raises(ActionTimeout, match="not done within 3 s"):
        node._raise_failure(refusal, 1)


def test_an_interruption_comes_before_all(node, refusal):
    """It causes all other failures."""
    node._timeout = "not done within 3 s"
    node.cancel("b has failed")
    with pytest.raises(Cancelled, match="b has failed"):
        node._raise_failure(refusal, 1)


def test_a_node_that_had_ended_was_not_cancelled(node, refusal):
    """A node keeps its own failure, even if another node fails a moment later."""
    node._lava_log, refusal.finished = refusal, True
    node.cancel("b has failed")
    with pytest.raises(InvalidJob, match="no url"):
        node._raise_failure(refusal, 1)


def test_tests_that_have_to_end_have_failed_themselves(node, refusal):
    """The failure of the tests counts, not a timeout or another node's failure afterwards."""
    refusal.raised = TestRaised("more than 3 results")
    node._lava_log, node._timeout = refusal, "not done within 3 s"
    node.cancel("b has failed")
    with pytest.raises(TestRaised, match="more than 3 results"):
        node._raise_failure(refusal, 1)


def test_an_address():
    """The address is this host's, found without a network packet."""
    assert ipaddress.ip_address(_own_address()).version == 4
