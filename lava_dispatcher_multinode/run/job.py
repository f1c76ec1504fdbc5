"""Running a prepared job: from its boards to its results."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..actions.context import NodeServices
from ..errors import INTERRUPTED, MultinodeError
from ..images.store import ImageStore, default_cache
from ..report.files import EVENTS, ReportWriter
from ..serve.servers import Servers
from .events import EventLog, clock_from_now, record_job_end, time_of_day
from .host_errors import host_failure
from .interrupts import Interruptions
from .job_coordinator import open_coordinator
from .node_hosts import is_driven_here, make_nodes
from .node_runner import run_to_end
from .supervisor.scratch import scratch
from .virtual_boards import start_virtual_boards

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path
    from typing import Any

    from ..job.model import Job
    from ..overlay.overlay_store import OverlayStore
    from ..report.results import Results
    from .board_selection import Assignment
    from .job_coordinator import JobCoordinator
    from .node import NodeEndHook
    from .node_runner import NodeRunner
    from .supervisor.supervisor import Supervisor


@dataclass(frozen=True)
class PreparedRun:
    """A checked job on boards that are held: what a run needs."""

    job: Job
    members: Sequence[Assignment]
    overlays: OverlayStore
    output: Path  # an existing directory
    job_id: str
    unconfined: bool
    supervisor: Supervisor  # cleans up if this process dies


@dataclass(frozen=True)
class RunOutcome:
    """The results of a run, and the error that kept its files from being complete."""

    results: Results
    failure: Exception | None


def run_job(
    prepared: PreparedRun,
    listeners: Sequence[Callable[[Mapping[str, Any]], None]] = (),
    interruptions: Interruptions | None = None,
    on_node_end: NodeEndHook | None = None,
) -> RunOutcome:
    """Run the job; each listener gets every event.

    When this returns, the boards are off and everything that the run started has ended. An
    interrupt (KeyboardInterrupt) becomes part of the results.
    """
    clock = clock_from_now()
    recorder = ReportWriter(prepared.output)
    members = prepared.members
    interrupted = False
    with ExitStack() as stack:
        interruptions = stack.enter_context(interruptions or Interruptions())
        (prepared.output / EVENTS).unlink(missing_ok=True)  # of an earlier run
        own = [member.device for member in members if is_driven_here(member.device)]
        # Before the log exists: a kill may come in between.
        prepared.supervisor.add_run(prepared.output, time.monotonic() - clock(), own)
        log = stack.enter_context(EventLog(prepared.output / EVENTS, clock))
        log.subscribe(recorder)
        for listener in listeners:
            log.subscribe(listener)
        try:
            log.emit("job_started", **_describe(prepared))
            interrupted = _run(prepared, log, clock, interruptions, on_node_end)
        except KeyboardInterrupt:  # before the nodes run
            interrupted = True
            _fail_all(log, members, "cancelled", INTERRUPTED)
        except Exception as error:
            known = error if isinstance(error, MultinodeError) else host_failure(error)
            if known is None:
                _fail_all(log, members, "bug", f"{type(error).__name__}: {error}")
                raise
            _fail_all(log, members, known.error_type, str(known))
        finally:
            record_job_end(log, recorder.results, interrupted=interrupted)
    return RunOutcome(recorder.results, recorder.failure or log.failure)


def _run(
    prepared: PreparedRun,
    log: EventLog,
    clock: Callable[[], float],
    interruptions: Interruptions,
    on_node_end: NodeEndHook | None,
) -> bool:
    """Start boards, coordinator and nodes; return True if the run was interrupted."""
    job, members = prepared.job, prepared.members
    with ExitStack() as stack:
        directory = stack.enter_context(scratch(prepared.supervisor))
        own = [member.device for member in members if is_driven_here(member.device)]
        virtual = start_virtual_boards(own, directory, log, stack, unconfined=prepared.unconfined)
        coordinator = open_coordinator(job, members, log.emit, clock, stack)
        services = NodeServices(
            job=job,
            job_id=prepared.job_id,
            group=[(member.device.name, member.role) for member in members],
            images=ImageStore(directory / "images", default_cache()),
            servers=stack.enter_context(Servers()),
            overlays=prepared.overlays,
            emit=log.emit,
            clock=clock,
            socket_channels=coordinator.socket_channels,
            leave_group=coordinator.leave,
        )
        nodes = make_nodes(
            members,
            services,
            virtual,
            coordinator.credentials,
            stack,
            output=prepared.output,
            directory=directory,
            supervisor=prepared.supervisor,
            on_node_end=on_node_end,
        )
        return _run_nodes(nodes, coordinator, services, interruptions)


def _run_nodes(
    nodes: Sequence[NodeRunner],
    coordinator: JobCoordinator,
    services: NodeServices,
    interruptions: Interruptions,
) -> bool:
    """Run every node in a thread of its own; return True if the run was interrupted."""
    queue = interruptions.queue
    essential = {role.name for role in services.job.roles if role.essential}
    failed: set[str] = set()

    def run_node(node: NodeRunner) -> None:
        failure: str | None = "its thread has ended"
        try:
            failure = run_to_end(node, services.emit)
        finally:
            if failure is not None:
                failed.add(node.name)
            coordinator.leave(node.name, failure)
            queue.put(node.name)

    threads = [
        threading.Thread(target=run_node, args=(node,), name=f"node {node.name}") for node in nodes
    ]
    role_of = {node.name: node.role for node in nodes}
    interruptions.defer()
    for thread in threads:
        thread.start()
    running = len(threads)
    interrupted = False
    while running:
        name = queue.get()
        if name is not None:
            running -= 1
            if name in failed and role_of[name] in essential and not services.cancelled.is_set():
                _cancel(nodes, coordinator, services, f"{name}, of an essential role, has failed")
        elif not interrupted:
            # Each node ends by itself and powers its board off; a second
            # interrupt would not make that quicker.
            interrupted = True
            _cancel(nodes, coordinator, services, INTERRUPTED)
    for thread in threads:
        thread.join()
    return interrupted


def _cancel(
    nodes: Sequence[NodeRunner], coordinator: JobCoordinator, services: NodeServices, reason: str
) -> None:
    services.cancelled.set()
    services.log(None, "WARNING", f"{reason}: switching the boards off")
    coordinator.server.abort(reason)
    for node in nodes:
        node.cancel(reason)


def _fail_all(log: EventLog, members: Sequence[Assignment], error_type: str, error: str) -> None:
    for member in members:
        log.emit(
            "node_finished",
            node=member.device.name,
            status="error",
            error_type=error_type,
            error=error,
        )


def _describe(prepared: PreparedRun) -> dict[str, Any]:
    """Return the fields of job_started."""
    job = prepared.job
    return {
        "job": {"name": job.name, "id": prepared.job_id, "file": job.file},
        "started": time_of_day(),
        "nodes": {
            member.device.name: {"role": member.role, "device_type": member.device.device_type}
            for member in prepared.members
        },
    }
