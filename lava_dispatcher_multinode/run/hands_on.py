"""A group of boards in the hands of a Python program, between their boot and their power-off.

    with open_group("job.json", BoardSelection(simulate=True)) as group:
        code, output = group["panda01"].run("uname -r")

The job says which boards, and what to deploy; its test shells are left out. All else is a
run as any other: events, consoles, results, the supervisor.
"""

from __future__ import annotations

import secrets
import threading
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from ..actions.action import calls_of
from ..errors import InfrastructureError, InvalidJob, MultinodeError
from ..job.model import Calls
from ..lab.device_model import LAVA
from .board_selection import BoardSelection, hold_boards
from .interrupts import Interruptions
from .job import RunOptions, run
from .output import output_directory
from .python_api import Board, Group
from .scratch import scratch
from .supervisor.supervisor import Supervisor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from ..actions.context import Node
    from ..job.model import Job
    from ..overlay.overlay_store import OverlayStore
    from .job import Assignment


@contextmanager
def open_group(
    file: str | Path,
    selection: BoardSelection | None = None,
    *,
    output: Path | None = None,
    unconfined: bool = False,
    waiting: Callable[[str], None] = lambda _: None,
) -> Iterator[Group]:
    """Give the booted boards of the job in `file`; they are off and free afterwards.

    `output` as --output-dir. Raises what `lava-dispatch` would end with.
    """
    from ..job.source import load
    from ..overlay.overlay_store import OverlayStore

    selection = selection or BoardSelection()
    document = load(str(file))
    job, _warnings = selection.parse(document)
    job = replace(job, actions=tuple(a for a in job.actions if calls_of(a) is not Calls.TESTS))
    job_id = secrets.token_hex(4)
    with ExitStack() as stack:
        supervisor = stack.enter_context(Supervisor())
        overlays = OverlayStore(stack.enter_context(scratch(supervisor)), job, job_id)
        _check(job, overlays)
        members = stack.enter_context(hold_boards(job, selection, supervisor, waiting))
        _only_ours(job, members)
        made = stack.enter_context(
            output_directory(output, job.name, document.data, locked=supervisor.hold_lock)
        )
        lent = _Lent(Group({m.device.name: Board(m.device.name, m.role) for m in members}, made))
        options = RunOptions(made, job_id, unconfined, supervisor, lent.visit)
        with lent.while_running(
            lambda: run(job, members, overlays, options, [lent.listen], lent.interruptions)
        ) as group:
            yield group


class _Lent:
    """The boards of a run in another thread; each node's thread serves its board meanwhile."""

    def __init__(self, group: Group) -> None:
        self.interruptions = Interruptions()
        self._group = group
        self._news: SimpleQueue[str | None] = SimpleQueue()  # a failure; None: one more is ready

    def visit(self, node: Node, failure: BaseException | None) -> None:
        """Lend the node's board, once it is booted, until it is released."""
        if failure is not None:
            return
        if node.board.shell is None:
            node.board.boot(node.deadline)
        self._news.put(None)
        self._group[node.name].serve(node)

    def listen(self, event: Mapping[str, Any]) -> None:
        """Take an event of the run: of a node that has ended nobody is served any more."""
        if event["event"] == "node_finished":
            self._group[event["node"]].release()
            self._news.put(str(event.get("error")))

    @contextmanager
    def while_running(self, run: Callable[[], object]) -> Iterator[Group]:
        """Call `run` in a thread, and give the boards once all are up; `run` ends afterwards."""
        thread = threading.Thread(target=self._run, args=(run,))
        thread.start()
        try:
            for _ in self._group:
                if (failure := self._news.get()) is not None:
                    raise InfrastructureError(failure)
            yield self._group
        except (MultinodeError, KeyboardInterrupt):
            self.interruptions.interrupt()
            raise
        finally:
            self._release_all()
            thread.join()
            self.interruptions.queue.close()  # of a run that never began

    def _run(self, run: Callable[[], object]) -> None:
        """Run the job; an end before the nodes' own, a full disk say, is one of all boards."""
        failure = "the run has ended"
        try:
            run()
        except Exception as error:  # noqa: BLE001 - told where the group is opened
            failure = f"the run has failed: {error or type(error).__name__}"
        finally:
            self._release_all()
            self._news.put(failure)

    def _release_all(self) -> None:
        for board in self._group:
            board.release()


def _check(job: Job, overlays: OverlayStore) -> None:
    from .job_check import check

    errors = [p for p in check(job, overlays, remote=True) if not p.warning]
    if errors:
        raise InvalidJob(errors)


def _only_ours(job: Job, members: Sequence[Assignment]) -> None:
    """Raise `InvalidJob` for boards whose consoles are LAVA's while they run."""
    problems = []
    for member in members:
        if member.device.host == LAVA:
            at = next(role.position for role in job.roles if role.name == member.role)
            text = (
                f"{member.device.name} has 'host: lava': it is in the hands of LAVA's dispatcher"
            )
            hint = "run its tests by a job, with lava-dispatch"
            problems.append(at.problem(text, hint))
    if problems:
        raise InvalidJob(problems)
