"""What a program can do with boards, as far as it takes no board; the rest is in test_hands_on."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import pytest

from lava_dispatcher_multinode.errors import InfrastructureError
from lava_dispatcher_multinode.run.python_api import Board, Group


@pytest.fixture
def group(tmp_path):
    """Two boards, each served by a thread, as by its node's."""
    boards = {name: Board(name, role) for name, role in (("b1", "client"), ("b2", "server"))}
    threads = [
        threading.Thread(target=board.serve, args=(SimpleNamespace(name=board.name),))
        for board in boards.values()
    ]
    for thread in threads:
        thread.start()
    yield Group(boards, tmp_path)
    for board in boards.values():
        board.release()
    for thread in threads:
        thread.join()


def test_boards_by_name_and_role(group):
    """As in a job: a name is one board, a role any number."""
    assert [board.name for board in group] == ["b1", "b2"]
    assert group["b2"].role == "server"
    assert group.role("client") == [group["b1"]]
    assert group.role("nobody") == []
    assert len(group) == 2


def test_the_board_s_own_thread_does_it(group):
    """A console has one reader, whoever asks."""
    names = group.together(lambda board: board._do(lambda _: threading.current_thread()))
    assert len({*names.values(), threading.current_thread()}) == 3


def test_all_are_done_before_a_failure_is_told(group):
    """Nobody works on a board that its test has given up."""
    done = []

    def work(board):
        if board.name == "b1":
            raise ZeroDivisionError
        done.append(board.name)

    with pytest.raises(ZeroDivisionError):
        group.together(work)
    assert done == ["b2"]


def test_an_exception_comes_to_who_asked(group):
    """And the board goes on being served."""
    with pytest.raises(ZeroDivisionError):
        group["b1"]._do(lambda _: 1 / 0)
    assert group["b1"]._do(lambda node: node.name) == "b1"


def test_nobody_waits_for_a_run_that_has_ended(group):
    """It is told which board's run that is."""
    group["b1"].release()
    with pytest.raises(InfrastructureError, match="b1: its run has ended"):
        group["b1"].run("true")
