"""Boards in the hands of a Python program: what it can do with each, and with all of them."""

from __future__ import annotations

import threading
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, NamedTuple

from ..deadline import Deadline
from ..errors import InfrastructureError, WaitFailed
from ..multinode import reasons
from ..multinode.api import Api, Call, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from ..actions.context import Node
    from ..console.board_console import Console

    Data = dict[str, dict[str, str]]

LIMIT = 60.0  # seconds for a command, unless told otherwise


class Ran(NamedTuple):
    """What a command on a board came to."""

    code: int
    output: str


class Board:
    """One booted board. Any thread may call; the node's own does it, one thing at a time."""

    def __init__(self, name: str, role: str) -> None:
        self.name = name
        self.role = role
        self._work: SimpleQueue[tuple[Callable[[Node], Any], SimpleQueue[Any]] | None]
        self._work = SimpleQueue()
        self._ended = threading.Event()

    def run(self, command: str, timeout: float = LIMIT) -> Ran:
        """Run `command` in the board's root shell; `InfrastructureError` if it does not end."""

        def work(node: Node) -> Ran:
            node.step(f"python: {command}")
            shell = node.board.shell
            if shell is None:
                raise InfrastructureError(f"{self.name}: is off: boot() it first")
            shell.deadline = Deadline(timeout, f"the timeout of '{command}'")
            with node.board.watched():
                return Ran(*shell.run(command, timeout=timeout))

        return self._do(work)  # type: ignore[no-any-return]

    def boot(self, timeout: float | None = None) -> None:
        """Cycle the power and boot what is deployed."""

        def work(node: Node) -> None:
            limit = node.job.timeout if timeout is None else timeout
            node.board.boot(Deadline(limit, "the timeout of boot()", node.services.cancelled))

        self._do(work)

    def power_off(self) -> None:
        """Switch it off; `boot` switches it on again."""
        self._do(lambda node: node.board.power_off())

    def with_console(self, work: Callable[[Console], Any]) -> Any:
        """Call `work(console)` where nobody else reads the console; return what it returns."""
        return self._do(lambda node: work(node.board.console))

    def send(self, message_id: str, **data: str) -> None:
        """As lava-send of this board."""
        self._call(Call(Api.SEND, message_id, data))

    def wait(
        self, message_id: str, *, consume: bool = False, timeout: float | None = None
    ) -> Data:
        """As lava-wait, or lava-wait --next; what was sent, by sender."""
        return self._call(Call(Api.WAIT, message_id, next=consume, timeout=timeout))

    def wait_all(
        self, message_id: str, role: str | None = None, *, timeout: float | None = None
    ) -> Data:
        """As lava-wait-all; what was sent, by sender."""
        return self._call(Call(Api.WAIT_ALL, message_id, role=role, timeout=timeout))

    def sync(self, message_id: str, *, timeout: float | None = None) -> None:
        """As lava-sync. The others have to join from threads of their own, or `Group.sync`."""
        self._call(Call(Api.SYNC, message_id, timeout=timeout))

    def _call(self, call: Call) -> Data:
        def work(node: Node) -> Data:
            outcome = node.group_client.call(call)
            if outcome.status is not Status.DONE:
                raise WaitFailed(f"{self.name}: {reasons.sentence(call, outcome)}")
            return {sender: dict(data) for sender, data in outcome.data}

        return self._do(work)  # type: ignore[no-any-return]

    def _do(self, work: Callable[[Node], Any]) -> Any:
        answers: SimpleQueue[Any] = SimpleQueue()
        self._work.put((work, answers))
        if self._ended.is_set():  # nobody takes it any more
            answers.put(InfrastructureError(f"{self.name}: its run has ended"))
        answer = answers.get()
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def serve(self, node: Node) -> None:
        """Do what is asked, in the node's thread, until `release`."""
        while (item := self._work.get()) is not None:
            work, answers = item
            try:
                answers.put(work(node))
            except BaseException as error:  # noqa: BLE001 - the asker's to handle
                answers.put(error)

    def release(self) -> None:
        """End `serve`."""
        self._ended.set()
        self._work.put(None)


class Group:
    """The boards of an open group, by name; a mapping as far as one needs it."""

    def __init__(self, boards: Mapping[str, Board], output: Path) -> None:
        self.boards = dict(boards)
        self.output = output  # the run's directory

    def __getitem__(self, name: str) -> Board:
        return self.boards[name]

    def __iter__(self) -> Iterator[Board]:
        return iter(self.boards.values())

    def __len__(self) -> int:
        return len(self.boards)

    def role(self, role: str) -> list[Board]:
        """Return the boards of `role`."""
        return [board for board in self if board.role == role]

    def together(self, work: Callable[[Board], Any]) -> dict[str, Any]:
        """Call `work(board)` for all at the same time; return what came, by name."""
        answers: dict[str, Any] = {}

        def one(board: Board) -> None:
            try:
                answers[board.name] = work(board)
            except BaseException as error:  # noqa: BLE001 - raised below
                answers[board.name] = error

        threads = [threading.Thread(target=one, args=(board,)) for board in self]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for answer in answers.values():
            if isinstance(answer, BaseException):
                raise answer
        return answers

    def sync(self, message_id: str) -> None:
        """All boards make lava-sync."""
        self.together(lambda board: board.sync(message_id))
