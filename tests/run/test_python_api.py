"""The Python API: boards served by threads, and whole groups of simulated boards."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

from lava_dispatcher_multinode.errors import InfrastructureError, InvalidJob, WaitFailed
from lava_dispatcher_multinode.run.board_selection import BoardSelection
from lava_dispatcher_multinode.run.python_api import Board, BoardGroup, open_group

IMAGE = Path(__file__).parents[2] / "examples" / "images" / "panda.img.gz"
SIMULATE = BoardSelection(simulate=True)


@pytest.fixture
def group(tmp_path):
    """Return two boards, each served by a thread, as by its node."""
    boards = {name: Board(name, role) for name, role in (("b1", "client"), ("b2", "server"))}
    threads = [
        threading.Thread(target=board.serve, args=(SimpleNamespace(name=board.name),))
        for board in boards.values()
    ]
    for thread in threads:
        thread.start()
    yield BoardGroup(boards, tmp_path)
    for board in boards.values():
        board.release()
    for thread in threads:
        thread.join()


def test_boards_by_name_and_role(group):
    """Boards are found by name and by role."""
    assert [board.name for board in group] == ["b1", "b2"]
    assert group["b2"].role == "server"
    assert group.role("client") == [group["b1"]]
    assert group.role("absent") == []
    assert len(group) == 2


def test_the_board_s_own_thread_does_it(group):
    """The board's thread does all work on its console."""
    names = group.together(lambda board: board._do(lambda _: threading.current_thread()))
    assert len({*names.values(), threading.current_thread()}) == 3


def test_all_work_ends_before_a_failure_is_raised(group):
    """A failure is raised after the work on all boards has ended."""
    done = []

    def work(board):
        if board.name == "b1":
            raise ZeroDivisionError
        done.append(board.name)

    with pytest.raises(ZeroDivisionError):
        group.together(work)
    assert done == ["b2"]


def test_an_exception_is_raised_in_the_caller(group):
    """An exception is raised in the caller; the board is still served."""
    with pytest.raises(ZeroDivisionError):
        group["b1"]._do(lambda _: 1 / 0)
    assert group["b1"]._do(lambda node: node.name) == "b1"


def test_a_request_after_the_end_of_the_run_fails(group):
    """A request after the end of the run raises an error that names the board."""
    group["b1"].release()
    with pytest.raises(InfrastructureError, match="b1: the run of this board has ended"):
        group["b1"].run("true")


@pytest.fixture
def job(tmp_path):
    """Return a function that writes a job of two pandas in two roles."""

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
    """A dialogue of the test."""
    console.write(b"echo $((20 + 3)) by hand\n")
    seen = b""
    while b"23 by hand" not in seen:
        came = console.read(30)
        assert came
        seen += came
    return seen


@pytest.mark.slow
def test_commands_messages_and_power(job, tmp_path):
    """Boards can run, send, wait, sync and boot again; the run has its files."""
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
        with pytest.raises(InfrastructureError, match=r"the board is off; call boot\(\) first"):
            server.run("true")
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    assert [node["status"] for node in results["nodes"].values()] == ["pass", "pass"]
    assert results["messages"][0]["id"] == "address"
    assert set(threading.enumerate()) == before


@pytest.mark.slow
def test_a_wait_that_fails_is_an_exception(job, tmp_path):
    """An unsatisfiable wait raises WaitFailed with the reason; the group continues."""
    with open_group(job(), SIMULATE, output=tmp_path / "out") as group:
        with pytest.raises(WaitFailed, match="lava-wait news"):
            group["panda01"].wait("news", timeout=0.2)
        assert group["panda01"].run("true").code == 0


@pytest.mark.slow
def test_a_board_that_does_not_boot_ends_the_group(job, tmp_path, monkeypatch):
    """If a board does not boot, no test runs, and the error has the reason."""
    monkeypatch.setenv("LAVA_SIMULATED_FAULTS", "panda02:panic=login")
    with (
        pytest.raises(InfrastructureError, match="Kernel panic"),
        open_group(job(), SIMULATE, output=tmp_path / "out"),
    ):
        pytest.fail("the group is not whole")


@pytest.mark.slow
def test_a_panic_in_a_command_is_that_command_s(job, tmp_path, monkeypatch):
    """The exception of a command names the panic; other boards continue."""
    monkeypatch.setenv("LAVA_SIMULATED_FAULTS", "panda02:panic=text:now-die")
    with open_group(job(), SIMULATE, output=tmp_path / "out") as group:
        with pytest.raises(InfrastructureError, match="Kernel panic"):
            group["panda02"].run("echo now-''die; sleep 5")
        assert group["panda01"].run("true").code == 0


@pytest.mark.slow
def test_an_exception_of_the_program_s_leaves_nothing_on(job, tmp_path):
    """After an exception, boards are off and the run has ended."""
    with pytest.raises(ZeroDivisionError), open_group(job(), SIMULATE, output=tmp_path / "out"):
        raise ZeroDivisionError
    assert json.loads((tmp_path / "out" / "results.json").read_text())["status"] == "pass"


@pytest.mark.slow
def test_a_job_that_is_wrong(job):
    """An invalid job raises lava-dispatch's error before a board is used."""
    with pytest.raises(InvalidJob, match="no_such"), open_group(job({"command": "no_such"})):
        pytest.fail("such a job has no boards")


@pytest.mark.slow
def test_a_run_that_cannot_start_is_reported(job, tmp_path):
    """A run that cannot start raises an error and does not block."""
    output = tmp_path / "out"
    (output / "events.jsonl").mkdir(parents=True)
    with (
        pytest.raises(InfrastructureError, match="the run has failed: .*events.jsonl"),
        open_group(job(), SIMULATE, output=output),
    ):
        pass
