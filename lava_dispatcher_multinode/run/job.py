"""A job from its boards to its results."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..actions.context import NodeServices
from ..coordinator.client import GroupClient
from ..errors import MultinodeError
from ..images.store import ImageStore, default_cache
from ..lab.device_model import LAVA
from ..lava.dispatcher.lava_job import LavaJob
from ..report.files import EVENTS, Recorder
from ..report.verdict import exit_code_of, status_of
from ..serve.servers import Servers
from .events import EventLog, clock_from_now, time_of_day
from .host_errors import host_failure
from .interrupts import Interruptions
from .job_coordinator import leave, open_coordinator
from .lava_node import LavaNodeRun
from .node import NodeRun
from .scratch import scratch
from .virtual_boards import start_virtual_boards

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path
    from typing import Any

    from ..actions.context import Node
    from ..boards.hardware import VirtualBoard
    from ..coordinator.server import Coordinator
    from ..job.model import Job
    from ..lab.device_model import Device
    from ..overlay.overlay_store import OverlayStore
    from ..report.results import Results
    from .job_coordinator import Door
    from .news import SignalSafeQueue
    from .supervisor.guard import Guard

INTERRUPTED = "the run was interrupted"


@dataclass(frozen=True)
class Member:
    """A node before it runs: a device and the role that it plays."""

    role: str
    device: Device


@dataclass(frozen=True)
class Options:
    """What the command line says about a run."""

    output: Path  # an existing directory
    job_id: str
    unconfined: bool = False
    guard: Guard | None = None  # is told what there is to put in order if this process dies
    #: Is given each node when it is through with its actions, or has failed; see `NodeServices`.
    visit: Callable[[Node, BaseException | None], None] | None = None


@dataclass(frozen=True)
class Outcome:
    """What came of a run, and why its files do not say all of it, if they could not be written."""

    results: Results
    failure: Exception | None


def run(
    job: Job,
    members: Sequence[Member],
    overlays: OverlayStore,
    options: Options,
    listeners: Sequence[Callable[[Mapping[str, Any]], None]] = (),
    interruptions: Interruptions | None = None,
) -> Outcome:
    """Run `job` on boards that are ours; return what came of it.

    The boards are off and everything that was started is gone when this
    returns, also when it is interrupted (KeyboardInterrupt), which is then
    part of the results.
    """
    clock = clock_from_now()
    recorder = Recorder(options.output)
    interrupted = False
    with ExitStack() as stack:
        interruptions = stack.enter_context(interruptions or Interruptions())
        log = stack.enter_context(EventLog(options.output / EVENTS, clock))
        if options.guard is not None:
            devices = [member.device for member in members if member.device.host != LAVA]
            options.guard.switch_off(options.output, time.monotonic() - clock(), devices)
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
    return Outcome(recorder.results, recorder.failure or log.failure)


def _run(
    job: Job,
    members: Sequence[Member],
    overlays: OverlayStore,
    options: Options,
    log: EventLog,
    clock: Callable[[], float],
    interruptions: Interruptions,
) -> bool:
    """Do all of it; return whether it was interrupted."""
    with ExitStack() as stack:
        directory = stack.enter_context(scratch(options.guard))
        services = NodeServices(
            job=job,
            job_id=options.job_id,
            group=[(member.device.name, member.role) for member in members],
            images=ImageStore(directory / "images", default_cache()),
            servers=stack.enter_context(Servers()),
            overlays=overlays,
            emit=log.emit,
            clock=clock,
        )
        if options.visit is not None:
            services.visit = options.visit
        own = [member.device for member in members if member.device.host != LAVA]
        virtual = start_virtual_boards(own, directory, log, stack, unconfined=options.unconfined)
        devices = [member.device for member in members]
        coordinator, doors = open_coordinator(devices, services, stack)
        nodes = _nodes(members, services, options, virtual, doors, directory, stack)
        return _walk(nodes, coordinator, services, interruptions)


def _nodes(
    members: Sequence[Member],
    services: NodeServices,
    options: Options,
    virtual: Mapping[str, VirtualBoard],
    doors: Mapping[str, Door],
    directory: Path,
    stack: ExitStack,
) -> list[NodeRun]:
    """Return the nodes, each a member of the group, or about to be one."""
    leaves = options.guard.remove if options.guard else lambda _: None
    spare = options.guard.spare if options.guard else lambda _: None
    lava = LavaJob(services.job, services.group, directory / "lava", leaves)
    nodes: list[NodeRun] = []
    for device, role in ((member.device, member.role) for member in members):
        door, record = doors[device.name], options.output / "nodes" / device.name
        if device.host == LAVA:
            nodes.append(LavaNodeRun(device, role, services, record, lava, door))
            continue
        client = stack.enter_context(
            GroupClient(
                door.address, group=door.group, node=device.name, role=role, secret=door.secret
            )
        )
        nodes.append(
            NodeRun(device, role, virtual.get(device.name), client, services, record, spare)
        )
    return nodes


def _walk(
    nodes: Sequence[NodeRun],
    coordinator: Coordinator,
    services: NodeServices,
    interruptions: Interruptions,
) -> bool:
    """Run every node in a thread of its own; return whether it was interrupted."""
    news = interruptions.news
    essential = {role.name for role in services.job.roles if role.essential}
    threads = [
        threading.Thread(target=_one, args=(node, coordinator, news), name=f"node {node.name}")
        for node in nodes
    ]
    interruptions.hold()
    for thread in threads:
        thread.start()
    running = len(threads)
    interrupted = False
    while running:
        name = news.get()
        if name is not None:
            running -= 1
            node = next(node for node in nodes if node.name == name)
            if node.failed and node.role in essential and not services.cancelled.is_set():
                _cancel(nodes, coordinator, services, f"{name}, of an essential role, has failed")
        elif not interrupted:
            # The nodes end by themselves, each switching its board off; asking
            # twice does not make that quicker.
            interrupted = True
            _cancel(nodes, coordinator, services, INTERRUPTED)
    for thread in threads:
        thread.join()
    return interrupted


def _one(node: NodeRun, coordinator: Coordinator, news: SignalSafeQueue) -> None:
    failure: str | None = "its thread has ended"
    try:
        ending = node.run()
        failure = None if ending.status == "pass" else ending.error or "failed"
    finally:
        node.failed = failure is not None
        leave(coordinator, node.name, failure)
        news.put(node.name)


def _cancel(
    nodes: Sequence[NodeRun], coordinator: Coordinator, services: NodeServices, reason: str
) -> None:
    services.cancelled.set()
    text = f"{reason}: switching the boards off"
    services.emit("log", node=None, level="WARNING", text=text)
    coordinator.abort(reason)
    for node in nodes:
        node.cancel(reason)


def _all_failed(log: EventLog, members: Sequence[Member], error_type: str, error: str) -> None:
    for member in members:
        log.emit(
            "node_finished",
            node=member.device.name,
            status="error",
            error_type=error_type,
            error=error,
        )


def _about(job: Job, members: Sequence[Member], options: Options) -> dict[str, Any]:
    return {
        "job": {"name": job.name, "id": options.job_id, "file": job.file},
        "started": time_of_day(),
        "nodes": {
            member.device.name: {"role": member.role, "device_type": member.device.device_type}
            for member in members
        },
    }
