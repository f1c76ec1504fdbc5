"""A group of boards in the hands of a Python program, between their boot and their power-off.

    with open_group("job.json", Choice(simulate=True)) as group:
        code, output = group["panda01"].run("uname -r")

The job says which boards, and what to deploy; its test shells are left out. All else is a
run as any other: events, consoles, results, the supervisor.
"""

from __future__ import annotations

import secrets
import tempfile
import threading
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, NamedTuple

from ..deadline import Deadline
from ..errors import InfrastructureError, InvalidJob, MultinodeError, Problem, WaitFailed
from ..lab.device import LAVA
from ..sync.calls import Api, Call, Status
from .boards import Choice, boards_of
from .guard import Guard
from .interruptions import Interruptions
from .job import Options, run
from .output import output_directory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from ..actions.node import Node
    from ..console.console import Console
    from ..job.model import Job
    from .job import Member

    Data = dict[str, dict[str, str]]

TESTS = "lava_test_shell"
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
            node.board.boot(Deadline(limit, "the timeout of boot()", node.shared.cancelled))

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
                raise WaitFailed(
                    f"{self.name}: lava-{call.api} {call.id}: {outcome.reason or outcome.status}"
                )
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


def _only_ours(job: Job, members: Sequence[Member]) -> None:
    """Raise `InvalidJob` for boards whose consoles are LAVA's while they run."""
    problems = []
    for member in members:
        if member.device.host == LAVA:
            at = next(role.position for role in job.roles if role.name == member.role)
            text = (
                f"{member.device.name} has 'host: lava': it is in the hands of LAVA's dispatcher"
            )
            hint = "run its tests by a job, with lava-dispatch"
            problems.append(Problem(at.file, at.line, at.column, text, hint))
    if problems:
        raise InvalidJob(problems)


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


@contextmanager
def open_group(
    file: str | Path,
    choice: Choice | None = None,
    *,
    output: Path | None = None,
    unconfined: bool = False,
    waiting: Callable[[str], None] = lambda _: None,
) -> Iterator[Group]:
    """Give the booted boards of the job in `file`; they are off and free afterwards.

    `output` as --output-dir. Raises what `lava-dispatch` would end with.
    """
    from ..job.parse import parse
    from ..job.source import load
    from ..overlay.store import OverlayStore
    from .check import check

    choice = choice or Choice()
    document = load(str(file))
    if choice.lab is not None:
        document = replace(document, device_types=choice.lab.device_types)
    job, _warnings = parse(document)
    job = replace(job, actions=tuple(a for a in job.actions if a.command != TESTS))
    job_id = secrets.token_hex(4)
    with ExitStack() as stack:
        guard = stack.enter_context(Guard())
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lava-")))
        guard.remove(scratch)
        overlays = OverlayStore(scratch, job, job_id)
        if errors := [
            problem for problem in check(job, overlays, remote=True) if not problem.warning
        ]:
            raise InvalidJob(errors)
        members = stack.enter_context(boards_of(job, choice, guard, waiting))
        _only_ours(job, members)
        made = stack.enter_context(
            output_directory(output, job.name, document.data, locked=guard.keep)
        )
        boards = {m.device.name: Board(m.device.name, m.role) for m in members}
        news: SimpleQueue[str | None] = SimpleQueue()  # a failure, or None: one more is ready

        def visit(node: Node, failure: BaseException | None) -> None:
            if failure is not None:
                return
            if node.board.shell is None:
                node.board.boot(node.deadline)
            news.put(None)
            boards[node.name].serve(node)

        def listen(event: Mapping[str, Any]) -> None:
            if event["event"] == "node_finished":
                boards[event["node"]].release()
                news.put(str(event.get("error")))

        interruptions = Interruptions()
        options = Options(made, job_id, unconfined, guard, visit)

        def whole() -> None:
            """Run the job; an end before the nodes' own, a full disk say, is one of all boards."""
            failure = "the run has ended"
            try:
                run(job, members, overlays, options, [listen], interruptions)
            except Exception as error:  # noqa: BLE001 - told where the group is opened
                failure = f"the run has failed: {error or type(error).__name__}"
            finally:
                for board in boards.values():
                    board.release()
                news.put(failure)

        thread = threading.Thread(target=whole)
        thread.start()
        try:
            for _ in boards:
                if (failure := news.get()) is not None:
                    raise InfrastructureError(failure)
            yield Group(boards, made)
        except (MultinodeError, KeyboardInterrupt):
            interruptions.interrupt()
            raise
        finally:
            for board in boards.values():
                board.release()
            thread.join()
            interruptions.news.close()  # of a run that never began
