"""`--pause-on-failure`: keep the boards powered after a failure, and offer their consoles.

No board is powered off before every node has ended. The consoles of failed nodes are offered to
the user one at a time; a console is released when the user leaves it, or with the run.
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

#: Restores the echo and the prompt, which tests turn off.
INTERACTIVE_SETUP = b"stty echo; PS1='# '\n"


@dataclass(frozen=True)
class PausedBoard:
    """A board whose node has ended; its console is free for the user."""

    name: str
    console: Console
    failure: str | None  # why the node failed; None: it passed


class PauseInterface(Protocol):
    """The user interface to which a paused run gives consoles."""

    def connect_console(self, board: PausedBoard, pause: Pause) -> None:
        """Connect the user to the console of `board`; return when the user leaves it."""

    def announce(self, board: PausedBoard) -> None:
        """Report that the console of `board` is available."""


class Pause:
    """Keeps boards powered and offers their consoles; the run calls `on_node_end` and `listen`."""

    def __init__(self, interface: PauseInterface) -> None:
        self._interface = interface
        self._console_lock = threading.Lock()  # held while the user has a console
        self._changed = threading.Condition()  # guards the following
        self._running: set[str] = set()  # nodes that have not finished
        self._ended: set[str] = set()  # of those: nodes that only have to power off
        self._boards: dict[str, PausedBoard] = {}
        self._visited: set[str] = set()
        self._failed: dict[str, str] = {}  # the first failed test case of a node
        self._count: Counter[str] = Counter()

    def listen(self, event: Mapping[str, Any]) -> None:
        """Process an event of the run; any event may end a wait."""
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
        """Keep the node's board powered while the user may need it; called in its thread."""
        if node.services.cancelled.is_set():
            return
        error = None if failure is None else str(failure) or type(failure).__name__
        node.services.leave_group(node.name, error)  # before the pause: its peers must not wait
        board = PausedBoard(node.name, node.board.console, error or self._failed_tests(node.name))
        board.console.watch(None)  # the user may reboot it
        if failure is None and node.board.shell is not None:  # the shell is at its prompt
            with suppress(MultinodeError):
                node.board.shell.type(INTERACTIVE_SETUP)
        with self._changed:
            self._boards[node.name] = board
        self._interface.announce(board)
        if board.failure is not None:
            self._offer_console(node, board, board.failure)
        essential = any(role.essential for role in node.job.roles if role.name == node.role)
        if failure is None or not essential:  # an essential node's end ends the run
            self._wait_for_others(node)

    def other_boards(self, name: str) -> list[PausedBoard]:
        """Return the other available boards, the next one first."""
        with self._changed:
            names = list(self._boards)
            here = names.index(name) if name in names else 0
            return [self._boards[other] for other in names[here + 1 :] + names[:here]]

    def running_nodes(self) -> list[str]:
        """Return the nodes that have not ended."""
        with self._changed:
            return sorted(self._running - set(self._boards))

    def mark_visited(self, name: str) -> None:
        """Record that the user has seen this board; its console is not offered again."""
        with self._changed:
            self._visited.add(name)

    def _failed_tests(self, name: str) -> str | None:
        with self._changed:
            count = self._count[name]
            if not count:
                return None
            cases = "1 test case" if count == 1 else f"{count} test cases, the first"
            return f"failed: {cases} {self._failed[name]}"

    def _offer_console(self, node: Node, board: PausedBoard, failure: str) -> None:
        with self._console_lock:
            with self._changed:
                if node.services.cancelled.is_set() or board.name in self._visited:
                    return
            node.services.emit("pause_started", node=board.name, error=failure)
            started = time.monotonic()
            try:
                self._interface.connect_console(board, self)
            finally:
                seconds = round(time.monotonic() - started, 3)
                node.services.emit("pause_finished", node=board.name, seconds=seconds)

    def _wait_for_others(self, node: Node) -> None:
        """Wait until all nodes have ended, or the run is cancelled."""
        node.services.emit(
            "step", node=node.name, text="the board stays powered until all nodes have ended"
        )
        with self._changed:
            self._ended.add(node.name)
            self._changed.notify_all()
            self._changed.wait_for(
                lambda: self._running <= self._ended or node.services.cancelled.is_set()
            )
