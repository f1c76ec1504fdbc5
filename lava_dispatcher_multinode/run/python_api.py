"""The Python API: a group of booted boards, between deployment and power-off.

    with open_group("job.json", BoardSelection(simulate=True)) as group:
        code, output = group["panda01"].run("uname -r")

The job selects the boards and what to deploy; its test shells are left out. Otherwise the run is
like any other: it has events, consoles, results and a supervisor.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import replace
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, NamedTuple

from ..deadline import Deadline
from ..errors import InfrastructureError, MultinodeError, WaitFailed
from ..job.model import Calls
from ..multinode import reasons
from ..multinode.api import Api, Call, Status
from .board_selection import BoardSelection
from .interrupts import Interruptions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from ..actions.context import Node
    from ..console.board_console import Console

    Data = dict[str, dict[str, str]]

COMMAND_TIMEOUT_S = 60.0


class CommandResult(NamedTuple):
    """The exit code and the output of a command."""

    code: int
    output: str


class Board:
    """One booted board. Any thread may call its methods; they run one at a time.

    The thread of the board's node does the work. Every method raises `InfrastructureError` once
    the run of the board has ended.
    """

    def __init__(self, name: str, role: str) -> None:
        self.name = name
        self.role = role
        self._work: SimpleQueue[tuple[Callable[[Node], Any], SimpleQueue[Any]] | None]
        self._work = SimpleQueue()
        self._ended = threading.Event()

    def run(self, command: str, timeout: float = COMMAND_TIMEOUT_S) -> CommandResult:
        """Run `command` in the board's root shell.

        Raise `InfrastructureError` if the command does not end within `timeout` seconds.
        """

        def work(node: Node) -> CommandResult:
            node.step(f"python: {command}")
            shell = node.board.shell
            if shell is None:
                raise InfrastructureError(f"{self.name}: the board is off; call boot() first")
            shell.deadline = Deadline(timeout, f"the timeout of '{command}'")
            with node.board.watched():
                return CommandResult(*shell.run(command, timeout=timeout))

        return self._do(work)  # type: ignore[no-any-return]

    def boot(self, timeout: float | None = None) -> None:
        """Power-cycle the board and boot what is deployed, within `timeout` seconds.

        The default timeout is the job's.
        """

        def work(node: Node) -> None:
            limit = node.job.timeout if timeout is None else timeout
            node.board.boot(Deadline(limit, "the timeout of boot()", node.services.cancelled))

        self._do(work)

    def power_off(self) -> None:
        """Power the board off; `boot` powers it on again."""
        self._do(lambda node: node.board.power_off())

    def with_console(self, work: Callable[[Console], Any]) -> Any:
        """Call `work(console)` with exclusive access to the console; return its result."""
        return self._do(lambda node: work(node.board.console))

    def send(self, message_id: str, **data: str) -> None:
        """Call lava-send for this board."""
        self._call(Call(Api.SEND, message_id, data))

    def wait(
        self, message_id: str, *, consume: bool = False, timeout: float | None = None
    ) -> Data:
        """Call lava-wait for this board, with `consume` lava-wait --next.

        Return the data by sender. Raise `WaitFailed` with the reason.
        """
        return self._call(Call(Api.WAIT, message_id, next=consume, timeout=timeout))

    def wait_all(
        self, message_id: str, role: str | None = None, *, timeout: float | None = None
    ) -> Data:
        """Call lava-wait-all for this board; return the data by sender."""
        return self._call(Call(Api.WAIT_ALL, message_id, role=role, timeout=timeout))

    def sync(self, message_id: str, *, timeout: float | None = None) -> None:
        """Call lava-sync for this board. The other boards need threads of their own.

        `BoardGroup.sync` calls lava-sync for all.
        """
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
        if self._ended.is_set():  # serve() does not read the queue any more
            answers.put(InfrastructureError(f"{self.name}: the run of this board has ended"))
        answer = answers.get()
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def serve(self, node: Node) -> None:
        """Do the requested work, in the thread of the node, until `release`."""
        while (item := self._work.get()) is not None:
            work, answers = item
            try:
                answers.put(work(node))
            except BaseException as error:  # noqa: BLE001 - raised in the calling thread
                answers.put(error)

    def release(self) -> None:
        """End `serve`."""
        self._ended.set()
        self._work.put(None)


class BoardGroup:
    """The boards of an open group by name, and the run directory as `output`."""

    def __init__(self, boards: Mapping[str, Board], output: Path) -> None:
        self.boards = dict(boards)
        self.output = output

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
        """Call `work(board)` for all boards at the same time; return the results by name.

        Wait for all of them, then raise the first exception, if any.
        """
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
        """Call lava-sync for all boards."""
        self.together(lambda board: board.sync(message_id))


@contextmanager
def open_group(
    file: str | Path,
    selection: BoardSelection | None = None,
    *,
    output: Path | None = None,
    unconfined: bool = False,
    on_wait: Callable[[str], None] = lambda _: None,
) -> Iterator[BoardGroup]:
    """Yield the booted boards of the job in `file`; power them off and release them afterwards.

    `selection`, `output` and `unconfined` are the options of `lava-dispatch`; `on_wait` gets a
    message for each wait for busy boards. Raise the error that `lava-dispatch` would report.
    """
    from ..actions.action import calls_of
    from .job import run_job
    from .run_session import load_job, prepare_run

    loaded = load_job(str(file), selection or BoardSelection())
    actions = tuple(spec for spec in loaded.job.actions if calls_of(spec) is not Calls.TESTS)
    loaded = replace(loaded, job=replace(loaded.job, actions=actions))
    with prepare_run(
        loaded, output=output, unconfined=unconfined, on_wait=on_wait, consoles_needed=True
    ) as prepared:
        boards = {
            member.device.name: Board(member.device.name, member.role)
            for member in prepared.members
        }
        session = _GroupSession(BoardGroup(boards, prepared.output))
        with session.running(
            lambda: run_job(prepared, [session.listen], session.interruptions, session.on_node_end)
        ) as group:
            yield group


class _GroupSession:
    """A run in a thread of its own, whose nodes' threads serve the boards."""

    def __init__(self, group: BoardGroup) -> None:
        self.interruptions = Interruptions()
        self._group = group
        self._started: SimpleQueue[str | None] = SimpleQueue()  # failures; None: a booted board

    def on_node_end(self, node: Node, failure: BaseException | None) -> None:
        """Boot the node's board if needed, and serve it until its release."""
        if failure is not None:
            return
        if node.board.shell is None:
            node.board.boot(node.deadline)
        self._started.put(None)
        self._group[node.name].serve(node)

    def listen(self, event: Mapping[str, Any]) -> None:
        """Release the board of a node that has ended."""
        if event["event"] == "node_finished":
            self._group[event["node"]].release()
            self._started.put(str(event.get("error")))

    @contextmanager
    def running(self, run: Callable[[], object]) -> Iterator[BoardGroup]:
        """Call `run` in a thread; yield the boards once all are up, and end the run afterwards."""
        thread = threading.Thread(target=self._run, args=(run,))
        thread.start()
        try:
            for _ in self._group:
                if (failure := self._started.get()) is not None:
                    raise InfrastructureError(failure)
            yield self._group
        except (MultinodeError, KeyboardInterrupt):
            self.interruptions.interrupt()
            raise
        finally:
            self._release_all()
            thread.join()
            self.interruptions.queue.close()  # if the run never began

    def _run(self, run: Callable[[], object]) -> None:
        """Run the job; a failure before the nodes run, of a full disk, say, ends all boards."""
        failure = "the run has ended"
        try:
            run()
        except Exception as error:  # noqa: BLE001 - raised where the group is opened
            failure = f"the run has failed: {error or type(error).__name__}"
        finally:
            self._release_all()
            self._started.put(failure)

    def _release_all(self) -> None:
        for board in self._group:
            board.release()
