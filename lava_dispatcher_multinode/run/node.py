"""One node's way through its actions, from power-on to power-off."""

from __future__ import annotations

import time
from contextlib import ExitStack, suppress
from functools import partial
from typing import TYPE_CHECKING

from ..actions.action import load_action
from ..actions.context import Node
from ..boards.hardware import connect
from ..boards.standard_board import load_driver
from ..console.board_console import Console
from ..console.transcript import Transcript
from ..deadline import Deadline
from ..errors import Cancelled, ConsoleError, ConsoleTaken, InfrastructureError, MultinodeError
from ..job.model import ActionSpec, Calls
from .node_runner import status_of_error

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ..actions.action import Action
    from ..actions.context import NodeServices
    from ..boards.driver import BoardDriver
    from ..boards.hardware import VirtualBoard
    from ..coordinator.client import GroupClient
    from ..lab.device_model import Device

    #: Called with each node after its actions, and the failure if any; its board is still up.
    NodeEndHook = Callable[[Node, BaseException | None], None]

LAST_WORDS = 2.0  # seconds that a dead board may go on printing its reason


def _end_at_once(_node: Node, _failure: BaseException | None) -> None:
    """Power off without delay: the default hook."""


class BoardNode:
    """Runs the actions of one node on a board that this package drives."""

    def __init__(
        self,
        device: Device,
        role: str,
        virtual: VirtualBoard | None,
        client: GroupClient,
        services: NodeServices,
        directory: Path,
        spare: Callable[[str], None] = lambda _name: None,
        on_end: NodeEndHook | None = None,
    ) -> None:
        self.name = device.name
        self.role = role
        self._console: Console | None = None
        self._device = device
        self._virtual = virtual
        self._client = client
        self._services = services
        self._directory = directory
        self._spare = spare  # has a board not switched off if this process dies
        self._on_end = on_end or _end_at_once

    def cancel(self, reason: str) -> None:
        """End it soon, from another thread: whatever it waits for on the console fails."""
        if self._console is not None:
            self._console.fail(Cancelled(reason))

    def run(self) -> None:
        """Run the actions; the board is off afterwards, whatever happened."""
        try:
            transcript = Transcript(self._directory, self._services.clock)
        except OSError as error:
            reason = f"cannot record the console: {error.filename}: {error.strerror}"
            raise InfrastructureError(f"{self.name}: {reason}") from error
        with ExitStack() as stack:
            stack.callback(transcript.close)
            hardware = connect(self._device, self._virtual, transcript.note)
            self._console = console = Console(
                hardware.transport,
                transcript,
                character_delay=self._device.connection.character_delay,
            )
            stack.callback(console.close)
            driver = load_driver(self._device.device_type)
            step = partial(self._services.step, self.name)
            emit = partial(self._services.emit, node=self.name)
            board = driver(self._device, console, hardware, step, emit)
            node = self._node(board)
            try:
                self._walk(node)
                self._visit(node, None)
            except BaseException as error:
                try:
                    self._last_words(console)
                    self._visit(node, error)
                finally:
                    # Before the switch is asked, which may take minutes, or somebody at a desk.
                    self._services.leave_group(self.name, str(error) or type(error).__name__)
                    if console.taken is not None:
                        self._spare(self.name)
                    self._off(board)
                raise
            self._services.leave_group(self.name, None)
            board.power_off()

    def _node(self, board: BoardDriver) -> Node:
        spec = ActionSpec("")  # before the first
        deadline = _deadline(spec, self._services)
        return Node(self.name, self.role, board, self._client, self._services, spec, deadline)

    def _visit(self, node: Node, failure: BaseException | None) -> None:
        node.spec = ActionSpec("")
        node.deadline = _deadline(node.spec, self._services)
        self._on_end(node, failure)

    def _off(self, board: BoardDriver) -> None:
        """Switch off the board of a node that has failed; that failure is the one to tell."""
        try:
            board.power_off()
        except ConsoleTaken:
            self._log("WARNING", "another client has the console: the power is left as it is")
        except MultinodeError as error:
            self._log("ERROR", str(error))

    def _walk(self, node: Node) -> None:
        failed: BaseException | None = None
        for index, spec in enumerate(self._services.job.actions_of(self.role)):
            node.spec, node.deadline = spec, _deadline(spec, self._services)
            if failed is None:
                try:
                    self._act(node, index, spec)
                except BaseException as error:  # noqa: BLE001 - raised again below
                    failed = error
            else:
                self._skip(node, index, spec)
        if failed is not None:
            raise failed

    def _act(self, node: Node, index: int, spec: ActionSpec) -> None:
        if self._services.cancelled.is_set():
            self._skip(node, index, spec)
            raise Cancelled("the run was interrupted")
        action = self._begin(index, spec)
        started = time.monotonic()
        try:
            action.run(node, spec.parameters)
        except BaseException as error:
            seconds = time.monotonic() - started
            text = str(error) or type(error).__name__
            self._report(index, spec, status_of_error(error), seconds, text)
            raise
        self._report(index, spec, "pass", time.monotonic() - started, None)

    def _begin(self, index: int, spec: ActionSpec) -> Action:
        action = load_action(spec.command)
        tests = action.calls is Calls.TESTS
        self._services.emit(
            "action_started", node=self.name, index=index, command=spec.command, tests=tests
        )
        return action

    def _skip(self, node: Node, index: int, spec: ActionSpec) -> None:
        """Report an action that is not run; it may know of results that are missing now."""
        self._begin(index, spec).skip(node)
        self._report(index, spec, "skipped", 0.0, None)

    def _report(
        self, index: int, spec: ActionSpec, status: str, seconds: float, error: str | None
    ) -> None:
        self._services.emit(
            "action_finished",
            node=self.name,
            index=index,
            command=spec.command,
            status=status,
            seconds=round(seconds, 3),
            error=error,
        )

    def _last_words(self, console: Console) -> None:
        """Let a board that has just died say all of it: the trace follows the panic."""
        console.forget()
        until = time.monotonic() + LAST_WORDS
        with suppress(ConsoleError, Cancelled):
            while time.monotonic() < until and console.read(0.3):
                pass

    def _log(self, level: str, text: str) -> None:
        self._services.emit("log", node=self.name, level=level, text=text)


def _deadline(spec: ActionSpec, services: NodeServices) -> Deadline:
    if spec.timeout is not None:
        place = spec.position()
        where = f", {place.file}:{place.line}" if place.line else ""
        limit = f"the timeout of {spec.command}{where}"
        return Deadline(spec.timeout, limit, services.cancelled)
    limit = f"the job's timeout, {services.job.file}"
    return Deadline(services.job.timeout, limit, services.cancelled)
