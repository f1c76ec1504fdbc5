"""The MultiNode calls on a board: every script under every shell, the real Session opposite."""

from __future__ import annotations

from lava_dispatcher_multinode.sync.calls import Api, Call, Outcome, Status


def test_send_arrives_and_returns(board):
    """lava-send reaches the coordinator with its data and exits 0."""
    board.run("lava-send ready ip=10.0.0.1 port=80 && echo rc=$?")
    assert board.group.calls == [Call(Api.SEND, "ready", {"ip": "10.0.0.1", "port": "80"})]
    assert "rc=0" in board.console.seen.decode()
    assert board.results() == {"multinode-send-ready": "pass"}
