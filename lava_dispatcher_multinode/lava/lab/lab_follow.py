"""Follows the jobs of one submission from the server's queue to their end: logs become events."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...errors import BoardsUnavailable, InvalidJob
from ..failure import convert_failure
from ..log_redaction import MASK
from .lab_server import Unreachable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from ...console.transcript import Transcript
    from ...emit import Emit
    from ...errors import MultinodeError
    from ..log import LavaLog
    from .lab_server import JobState, LavaServer

MAX_OUTAGE_S = 600.0  # how long the server may be unreachable
QUEUED = frozenset({"Submitted", "Scheduling", "Scheduled"})


@dataclass
class FollowedJob:
    """One node's job on the server."""

    node: str
    job: str
    log: LavaLog
    transcript: Transcript
    record: Path  # logs.yaml
    lines: int = 0
    state: str = ""
    device: str | None = None
    ended: bool = False
    masked: bool = False  # the server's log has masked something


def follow_jobs(
    server: LavaServer,
    jobs: Sequence[FollowedJob],
    emit: Emit,
    interval: float,
    wait: float | None = None,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Emit events for `jobs` until all have ended; ask the server every `interval` seconds.

    Raises the error of `server` if it is unreachable for longer than `MAX_OUTAGE_S`, and
    `BoardsUnavailable` if not all jobs have started within `wait` seconds.
    """
    begun = reached = clock()
    while waiting := [job for job in jobs if not job.ended]:
        try:
            for job in waiting:
                _poll_job(server, job, emit)
            reached = clock()
        except Unreachable as error:
            if clock() - reached > MAX_OUTAGE_S:
                raise
            emit("log", node=None, level="WARNING", text=f"retrying: {error}")
        if wait is not None and clock() - begun > wait:
            _check_started(jobs, wait)
        if any(not job.ended for job in jobs):
            sleep(interval)


def _check_started(jobs: Sequence[FollowedJob], wait: float) -> None:
    queued = [f"{job.node} ({job.state.lower()})" for job in jobs if job.state in QUEUED]
    if queued:
        raise BoardsUnavailable(f"not started within {wait:g} s: {', '.join(queued)}")


def _poll_job(server: LavaServer, job: FollowedJob, emit: Emit) -> None:
    shown = server.get_state(job.job)
    if shown.state != job.state:
        job.state = shown.state
        emit("step", node=job.node, text=f"{shown.state.lower()}")
    if shown.device and shown.device != job.device:
        job.device = shown.device
        where = f"on {shown.device}, {server.page_url(job.job)}"
        emit("log", node=job.node, level="INFO", text=where)
    lines = server.get_log(job.job, job.lines)
    with job.record.open("ab") as record:
        for line in lines:
            record.write(b"- " + job.log.redaction.redact_line(line) + b"\n")
            job.log.handle_line(line)
            job.masked |= MASK.encode() in line
    job.lines += len(lines)
    if shown.state == "Finished" and not lines:  # the log may be complete a moment after the job
        job.ended = True
        job.log.close()
        _finish_job(job, shown, emit)


def _finish_job(job: FollowedJob, shown: JobState, emit: Emit) -> None:
    error: MultinodeError | None = job.log.raised
    if error is None and shown.health != "Canceled":
        error = _hidden(job)
    if error is None and (shown.health != "Complete" or job.log.failure):
        said = job.log.redaction.redact(shown.error)
        kind, message = job.log.failure or (shown.error_type, said)
        if shown.health == "Canceled":
            kind, message = "Canceled", message or "the job was canceled on the server"
        text = message or f"the job ended as {shown.health}"
        error = convert_failure(job.node, kind, text, validated=job.log.validated)
    error = error or job.log.unread
    emit(
        "node_finished",
        node=job.node,
        status="pass" if error is None else error.status,
        error_type=error and error.error_type,
        error=error and str(error),
    )


def _hidden(job: FollowedJob) -> MultinodeError | None:
    """Return the error of a job whose secrets hide its results in the server's log."""
    names = ", ".join(job.log.redaction.hiding)
    if not (job.masked and names):
        return None
    text = f"results cannot be read: LAVA's log has {MASK} in place of its own words"
    hint = f"use other values for the job's secrets: {names}"
    return InvalidJob.about(job.node, text, hint)
