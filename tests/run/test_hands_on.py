"""Boards in the hands of a Python program."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from lava_dispatcher_multinode.errors import InfrastructureError, InvalidJob, WaitFailed
from lava_dispatcher_multinode.run.board_selection import BoardSelection
from lava_dispatcher_multinode.run.hands_on import open_group

pytestmark = pytest.mark.slow

IMAGE = Path(__file__).parents[2] / "examples" / "images" / "panda.img.gz"
SIMULATE = BoardSelection(simulate=True)


@pytest.fixture
def job(tmp_path):
    """A function that writes a job of two pandas in two roles."""

    def write(*actions):
        deploy = {"command": "deploy_linaro_image", "parameters": {"image": str(IMAGE)}}
        path = tmp_path / "job.json"
        path.write_text(
            json.dumps(
                {
                    "timeout": 60,
                    "device_group": [
                        {"role": role, "device_type": "panda"} for role in ("server", "client")
                    ],
                    "actions": [deploy, *actions],
                }
            )
        )
        return path

    return write


def by_hand(console):
    """A dialogue of one's own."""
    console.write(b"echo $((20 + 3)) by hand\n")
    seen = b""
    while b"23 by hand" not in seen:
        came = console.read(30)
        assert came
        seen += came
    return seen


def test_commands_messages_and_power(job, tmp_path):
    """What a test needs of boards: run, send, wait, sync, boot again; and a run's files."""
    before = set(threading.enumerate())
    with open_group(job(), SIMULATE, output=tmp_path / "out") as group:
        (server,) = group.role("server")
        (client,) = group.role("client")
        assert len(group) == 2
        assert server.run("echo $((6 * 7)); exit_with() { return 3; }; exit_with") == (3, "42")
        server.send("address", ip="10.0.0.1", text="a b%")
        data = {server.name: {"ip": "10.0.0.1", "text": "a b%"}}
        assert client.wait("address") == data
        assert client.wait_all("address", "server") == data
        group.sync("ready")
        assert group.together(lambda board: board.run("hostname").output) == {
            board.name: board.name for board in group
        }
        assert b"23 by hand" in client.with_console(by_hand)
        client.run("touch /tmp/mark")
        client.boot()
        assert client.run("test -e /tmp/mark").code == 1
        server.power_off()
        with pytest.raises(InfrastructureError, match=r"is off: boot\(\) it first"):
            server.run("true")
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    assert [node["status"] for node in results["nodes"].values()] == ["pass", "pass"]
    assert results["messages"][0]["id"] == "address"
    assert set(threading.enumerate()) == before


def test_a_wait_that_fails_is_an_exception(job, tmp_path):
    """A message that never comes is a WaitFailed with the reason; the group goes on."""
    with open_group(job(), SIMULATE, output=tmp_path / "out") as group:
        with pytest.raises(WaitFailed, match="lava-wait news"):
            group["panda01"].wait("news", timeout=0.2)
        assert group["panda01"].run("true").code == 0


def test_a_board_that_does_not_boot_ends_the_group(job, tmp_path, monkeypatch):
    """No test begins with half a group; the reason is the board's."""
    monkeypatch.setenv("LAVA_SIMULATED_FAULTS", "panda02:panic=login")
    with (
        pytest.raises(InfrastructureError, match="Kernel panic"),
        open_group(job(), SIMULATE, output=tmp_path / "out"),
    ):
        pytest.fail("the group is not whole")


def test_a_panic_in_a_command_is_that_command_s(job, tmp_path, monkeypatch):
    """The exception names the panic, and the other board is still there."""
    monkeypatch.setenv("LAVA_SIMULATED_FAULTS", "panda02:panic=text:now-die")
    with open_group(job(), SIMULATE, output=tmp_path / "out") as group:
        with pytest.raises(InfrastructureError, match="Kernel panic"):
            group["panda02"].run("echo now-''die; sleep 5")
        assert group["panda01"].run("true").code == 0


def test_an_exception_of_the_program_s_leaves_nothing_on(job, tmp_path):
    """Boards are off and the run has its end, whatever happens inside."""
    with pytest.raises(ZeroDivisionError), open_group(job(), SIMULATE, output=tmp_path / "out"):
        raise ZeroDivisionError
    assert json.loads((tmp_path / "out" / "results.json").read_text())["status"] == "pass"


def test_a_board_of_lavas_is_refused(tmp_path):
    """Its console is LAVA's while it runs: told with the job's place, and before anything."""
    devices = tmp_path / "lab" / "devices"
    devices.mkdir(parents=True)
    (devices / "juno.dict").write_text("actions: {}")
    text = "{device_type: juno-r2, host: lava, lava: {device: juno.dict}}"
    (devices / "juno.yaml").write_text(text)
    path = tmp_path / "job.json"
    group = [{"role": "a", "device_type": "juno-r2"}]
    actions = [{"command": "boot_linaro_image"}]
    path.write_text(json.dumps({"timeout": 9, "device_group": group, "actions": actions}))
    selection = BoardSelection(config_dir=tmp_path / "lab")
    out = tmp_path / "out"
    said = r"job\.json:1:\d+: juno has 'host: lava'"
    with pytest.raises(InvalidJob, match=said), open_group(path, selection, output=out):
        raise AssertionError("no group")
    assert not out.exists()


def test_a_job_that_is_wrong(job):
    """Before any board: the error that lava-dispatch has."""
    with pytest.raises(InvalidJob, match="no_such"), open_group(job({"command": "no_such"})):
        pytest.fail("such a job has no boards")


def test_a_run_that_cannot_begin_is_told(job, tmp_path):
    """Nobody waits for boards that never come."""
    output = tmp_path / "out"
    (output / "events.jsonl").mkdir(parents=True)
    with (
        pytest.raises(InfrastructureError, match="the run has failed: .*events.jsonl"),
        open_group(job(), SIMULATE, output=output),
    ):
        pass
