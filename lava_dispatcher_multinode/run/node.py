"""A node on a board that this package drives, from the first action to power-off."""

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
from ..errors import (
    INTERRUPTED,
    Cancelled,
    ConsoleError,
    ConsoleTaken,
    InfrastructureError,
    MultinodeError,
)
from ..job.model import ActionSpec, Calls

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

CRASH_OUTPUT_S = 2.0  # time in which a crashed board prints its trace


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
        release_device: Callable[[str], None],
        on_end: NodeEndHook | None,
    ) -> None:
        self.name = device.name
        self.role = role
        self._console: Console | None = None
        self._device = device
        self._virtual = virtual
        self._client = client
        self._services = services
        self._directory = directory
        self._release_device = release_device  # the supervisor leaves its power as it is
        self._on_end = on_end  # None: power off without delay

    def cancel(self, reason: str) -> None:
        """Make the current wait for the console fail; called from another thread."""
        if self._console is not None:
            self._console.fail(Cancelled(reason))

    def run(self) -> None:
        """Run the actions and power the board off; raise the failure if there is one."""
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
                self._run_actions(node)
                self._end(node, None)
            except BaseException as error:
                try:
                    self._record_crash(console)
                    self._end(node, error)
                finally:
                    # Before power-off, which may take minutes or wait for the user.
                    self._services.leave_group(self.name, str(error) or type(error).__name__)
                    if console.taken is not None:
                        self._release_device(self.name)
                    self._power_off_failed(board)
                raise
            self._services.leave_group(self.name, None)
            board.power_off()

    def _node(self, board: BoardDriver) -> Node:
        spec = ActionSpec("")  # before the first action
        deadline = _deadline(spec, self._services)
        return Node(self.name, self.role, board, self._client, self._services, spec, deadline)

    def _end(self, node: Node, failure: BaseException | None) -> None:
        node.spec = ActionSpec("")
        node.deadline = _deadline(node.spec, self._services)
        if self._on_end is not None:
            self._on_end(node, failure)

    def _power_off_failed(self, board: BoardDriver) -> None:
        """Power off the board of a failed node; log errors, since the failure is reported."""
        try:
            board.power_off()
        except ConsoleTaken:
            text = "another client uses the console: the power is not switched"
            self._services.log(self.name, "WARNING", text)
        except MultinodeError as error:
            self._services.log(self.name, "ERROR", str(error))

    def _run_actions(self, node: Node) -> None:
        failed: BaseException | None = None
        for index, spec in enumerate(self._services.job.actions_of(self.role)):
            node.spec, node.deadline = spec, _deadline(spec, self._services)
            if failed is None:
                try:
                    self._run_action(node, index, spec)
                except BaseException as error:  # noqa: BLE001 - raised again below
                    failed = error
            else:
                self._skip(node, index, spec)
        if failed is not None:
            raise failed

    def _run_action(self, node: Node, index: int, spec: ActionSpec) -> None:
        if self._services.cancelled.is_set():
            self._skip(node, index, spec)
            raise Cancelled(INTERRUPTED)
        action = self._begin(index, spec)
        started = time.monotonic()
        try:
            action.run(node, spec.parameters)
        except BaseException as error:
            seconds = time.monotonic() - started
            status = error.status if isinstance(error, MultinodeError) else "error"
            self._report(index, spec, status, seconds, str(error) or type(error).__name__)
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
        """Report an action as skipped; the action reports its missing results."""
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

    def _record_crash(self, console: Console) -> None:
        """Record what a crashed board still prints: the trace follows the panic."""
        console.forget()
        until = time.monotonic() + CRASH_OUTPUT_S
        with suppress(ConsoleError, Cancelled):
            while time.monotonic() < until and console.read(0.3):
                pass


def _deadline(spec: ActionSpec, services: NodeServices) -> Deadline:
    if spec.timeout is not None:
        place = spec.position()
        where = f", {place.file}:{place.line}" if place.line else ""
        limit = f"the timeout of {spec.command}{where}"
        return Deadline(spec.timeout, limit, services.cancelled)
    limit = f"the job's timeout, {services.job.file}"
    return Deadline(services.job.timeout, limit, services.cancelled)
