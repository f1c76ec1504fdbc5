"""A job from its boards to its results."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..actions.context import NodeServices
from ..errors import MultinodeError
from ..images.store import ImageStore, default_cache
from ..report.files import EVENTS, ReportWriter
from ..report.verdict import exit_code_of, status_of
from ..serve.servers import Servers
from .events import EventLog, clock_from_now, time_of_day
from .host_errors import host_failure
from .interrupts import Interruptions
from .job_coordinator import open_coordinator
from .node_hosts import is_driven_here, make_nodes
from .node_runner import run_to_end
from .scratch import scratch
from .virtual_boards import start_virtual_boards

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path
    from typing import Any

    from ..job.model import Job
    from ..lab.device_model import Device
    from ..overlay.overlay_store import OverlayStore
    from ..report.results import Results
    from .job_coordinator import JobCoordinator
    from .node import NodeEndHook
    from .node_runner import NodeRunner
    from .supervisor.supervisor import Supervisor

INTERRUPTED = "the run was interrupted"


@dataclass(frozen=True)
class Assignment:
    """A node before it runs: a device and the role that it plays."""

    role: str
    device: Device


@dataclass(frozen=True)
class RunOptions:
    """What the command line says about a run."""

    output: Path  # an existing directory
    job_id: str
    unconfined: bool = False
    supervisor: Supervisor | None = (
        None  # is told what there is to put in order if this process dies
    )
    on_node_end: NodeEndHook | None = None


@dataclass(frozen=True)
class RunOutcome:
    """What came of a run, and why its files do not say all of it, if they could not be written."""

    results: Results
    failure: Exception | None


def run(
    job: Job,
    members: Sequence[Assignment],
    overlays: OverlayStore,
    options: RunOptions,
    listeners: Sequence[Callable[[Mapping[str, Any]], None]] = (),
    interruptions: Interruptions | None = None,
) -> RunOutcome:
    """Run `job` on boards that are ours; return what came of it.

    The boards are off and everything that was started is gone when this
    returns, also when it is interrupted (KeyboardInterrupt), which is then
    part of the results.
    """
    clock = clock_from_now()
    recorder = ReportWriter(options.output)
    interrupted = False
    with ExitStack() as stack:
        interruptions = stack.enter_context(interruptions or Interruptions())
        log = stack.enter_context(EventLog(options.output / EVENTS, clock))
        if options.supervisor is not None:
            devices = [member.device for member in members if is_driven_here(member.device)]
            options.supervisor.add_run(options.output, time.monotonic() - clock(), devices)
        log.subscribe(recorder)
        for listener in listeners:
            log.subscribe(listener)
        try:
            log.emit("job_started", **_about(job, members, options))
            interrupted = _run(job, members, overlays, options, log, clock, interruptions)
        except KeyboardInterrupt:  # before there were nodes that could be told
            interrupted = True
            _all_failed(log, members, "cancelled", INTERRUPTED)
        except MultinodeError as error:  # before there were nodes that could fail
            _all_failed(log, members, error.error_type, str(error))
        except Exception as error:
            host = host_failure(error)
            text = str(host) if host else f"{type(error).__name__}: {error}"
            _all_failed(log, members, host.error_type if host else "bug", text)
            if host is None:
                raise
        finally:
            code = exit_code_of(recorder.results, interrupted=interrupted)
            log.emit(
                "job_finished", status=status_of(code), exit_code=int(code), finished=time_of_day()
            )
    return RunOutcome(recorder.results, recorder.failure or log.failure)


def _run(
    job: Job,
    members: Sequence[Assignment],
    overlays: OverlayStore,
    options: RunOptions,
    log: EventLog,
    clock: Callable[[], float],
    interruptions: Interruptions,
) -> bool:
    """Do all of it; return whether it was interrupted."""
    with ExitStack() as stack:
        directory = stack.enter_context(scratch(options.supervisor))
        own = [member.device for member in members if is_driven_here(member.device)]
        virtual = start_virtual_boards(own, directory, log, stack, unconfined=options.unconfined)
        pairs = [(member.device, member.role) for member in members]
        coordinator = open_coordinator(job, pairs, log.emit, clock, stack)
        services = NodeServices(
            job=job,
            job_id=options.job_id,
            group=[(member.device.name, member.role) for member in members],
            images=ImageStore(directory / "images", default_cache()),
            servers=stack.enter_context(Servers()),
            overlays=overlays,
            emit=log.emit,
            clock=clock,
            socket_channels=coordinator.socket_channels,
            leave_group=coordinator.leave,
        )
        nodes = make_nodes(
            pairs,
            services,
            virtual,
            coordinator.credentials,
            stack,
            output=options.output,
            directory=directory,
            supervisor=options.supervisor,
            on_node_end=options.on_node_end,
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
            ending = run_to_end(node, services.emit)
            failure = None if ending.status == "pass" else ending.error or "failed"
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
    text = f"{reason}: switching the boards off"
    services.emit("log", node=None, level="WARNING", text=text)
    coordinator.server.abort(reason)
    for node in nodes:
        node.cancel(reason)


def _all_failed(log: EventLog, members: Sequence[Assignment], error_type: str, error: str) -> None:
    for member in members:
        log.emit(
            "node_finished",
            node=member.device.name,
            status="error",
            error_type=error_type,
            error=error,
        )


def _about(job: Job, members: Sequence[Assignment], options: RunOptions) -> dict[str, Any]:
    return {
        "job": {"name": job.name, "id": options.job_id, "file": job.file},
        "started": time_of_day(),
        "nodes": {
            member.device.name: {"role": member.role, "device_type": member.device.device_type}
            for member in members
        },
    }
