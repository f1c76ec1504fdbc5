"""`--pause-on-failure`: the boards stay up when a node has failed, for somebody to look at.

No board is switched off before every node has come to its end. A node that has
failed hands its console over first, one node at a time; that ends when whoever
looks leaves it, or with the run.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from ..errors import MultinodeError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..actions.context import Node
    from ..console.board_console import Console

#: Tests have a shell that neither echoes nor prompts.
FOR_PEOPLE = b"stty echo; PS1='# '\n"


@dataclass(frozen=True)
class PausedBoard:
    """A board whose node has come to its end; nobody else reads its console."""

    name: str
    console: Console
    failure: str | None  # why the node failed, if it has


class PauseInterface(Protocol):
    """Where somebody looks at boards."""

    def connect_console(self, board: PausedBoard, pause: Pause) -> None:
        """Give the console of `board` to whoever is there; return when they have left it."""

    def announce(self, board: PausedBoard) -> None:
        """Hear that `board` can be looked at, too."""


class Pause:
    """Knows which nodes are at their end; `visit` and `listen` are for the run."""

    def __init__(self, desk: PauseInterface) -> None:
        self._desk = desk
        self._looking = threading.Lock()  # held by the node whose console is handed over
        self._changed = threading.Condition()  # guards all of the next
        self._running: set[str] = set()  # nodes that have not finished
        self._through: set[str] = set()  # of those: only power-off is left to do
        self._boards: dict[str, PausedBoard] = {}
        self._seen: set[str] = set()
        self._failed: dict[str, str] = {}  # the first failure in a node's results
        self._count: Counter[str] = Counter()

    def listen(self, event: Mapping[str, Any]) -> None:
        """Take an event of the run; every one may be the one that ends a wait."""
        with self._changed:
            name = event.get("node")
            match event["event"]:
                case "job_started":
                    self._running = set(event["nodes"])
                case "node_finished":
                    self._running.discard(str(name))
                    self._boards.pop(str(name), None)
                case "test_case" if event["result"] == "fail":
                    self._count[str(name)] += 1
                    words = (event["definition"], event["set"], event["case"])
                    self._failed.setdefault(str(name), " ".join(filter(None, words)))
            self._changed.notify_all()

    def on_node_end(self, node: Node, failure: BaseException | None) -> None:
        """Keep the node's board up, in the node's thread, as long as somebody may look at it."""
        if node.services.cancelled.is_set():
            return
        error = None if failure is None else str(failure) or type(failure).__name__
        node.services.leave_group(node.name, error)  # else the others would wait for it meanwhile
        board = PausedBoard(node.name, node.board.console, error or self._of_tests(node.name))
        board.console.watch(None)  # whoever looks may reboot it
        if failure is None and node.board.shell is not None:  # it is at its prompt
            with suppress(MultinodeError):
                node.board.shell.type(FOR_PEOPLE)
        with self._changed:
            self._boards[node.name] = board
        self._desk.announce(board)
        if board.failure is not None:
            self._look(node, board, board.failure)
        essential = any(role.essential for role in node.job.roles if role.name == node.role)
        if failure is None or not essential:  # else the others are ended once it has
            self._stay(node)

    def others(self, name: str) -> list[PausedBoard]:
        """Return the other boards that can be looked at, the next one first."""
        with self._changed:
            names = list(self._boards)
            here = names.index(name) if name in names else 0
            return [self._boards[other] for other in names[here + 1 :] + names[:here]]

    def running_nodes(self) -> list[str]:
        """Return the nodes whose boards cannot be looked at yet."""
        with self._changed:
            return sorted(self._running - set(self._boards))

    def seen(self, name: str) -> None:
        """Take note that this board was looked at: it is not handed over again."""
        with self._changed:
            self._seen.add(name)

    def _of_tests(self, name: str) -> str | None:
        with self._changed:
            count = self._count[name]
            if not count:
                return None
            cases = "1 test case" if count == 1 else f"{count} test cases, the first"
            return f"failed: {cases} {self._failed[name]}"

    def _look(self, node: Node, board: PausedBoard, failure: str) -> None:
        with self._looking:
            with self._changed:
                if node.services.cancelled.is_set() or board.name in self._seen:
                    return
            node.services.emit("pause_started", node=board.name, error=failure)
            started = time.monotonic()
            try:
                self._desk.connect_console(board, self)
            finally:
                seconds = round(time.monotonic() - started, 3)
                node.services.emit("pause_finished", node=board.name, seconds=seconds)

    def _stay(self, node: Node) -> None:
        """Wait until no node needs another's board any more, or the run is over."""
        node.services.emit("step", node=node.name, text="the board stays up until all have ended")
        with self._changed:
            self._through.add(node.name)
            self._changed.notify_all()
            self._changed.wait_for(
                lambda: self._running <= self._through or node.services.cancelled.is_set()
            )
