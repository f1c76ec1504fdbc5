"""`lava-multinode submit`: run a job on a LAVA lab, with results like a local run."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ExitCode, InfrastructureError, MultinodeError
from .arguments import add_job, positive_seconds
from .exit_codes import print_stderr
from .export import add_lava_config_dir, exported_job, print_remarks

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from ..lava.lab.lab_follow import FollowedJob
    from ..lava.lab.lab_server import LavaServer
    from ..run.events import EventLog

DESCRIPTION = "Submit a job to a LAVA server, follow it and write its results."
EPILOG = """\
examples:
  lava-multinode submit job.yaml --server https://lava.example.com
  lava-multinode submit job.json --server my-lab -o lava-runs/lab

--server is a URL or a lavacli identity; user and token are read from lavacli's
configuration (~/.config/lavacli.yaml). A job in another format is exported first.
Ctrl-C cancels the job on the server; a second Ctrl-C does not wait for that.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the verb."""
    add_job(parser)
    parser.add_argument(
        "--server", metavar="URL", required=True, help="LAVA server or lavacli identity"
    )
    parser.add_argument(
        "-o", "--output-dir", metavar="DIR", type=Path,
        help="directory for results (default: lava-runs/<time>-<job name>)",
    )  # fmt: skip
    parser.add_argument(
        "--interval", metavar="SECONDS", type=positive_seconds, default=10.0,
        help="time between requests to the server (default 10)",
    )  # fmt: skip
    parser.add_argument(
        "--wait", metavar="SECONDS", type=positive_seconds,
        help="timeout for the start of all nodes (default: none)",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print results.json on stdout")
    add_lava_config_dir(parser)


def run(args: argparse.Namespace) -> ExitCode:
    """Submit and follow the job; return the exit code of its results."""
    from ..lava.lab.lab_server import LavaServer, identity_for
    from ..report.files import render
    from ..report.text.summary import summary_for_stream
    from ..report.verdict import exit_code
    from ..run.interrupts import raise_each
    from ..run.output import output_directory

    raise_each()  # a second signal does not wait for the cancellation
    exported = exported_job(args.job, args.config_dir)
    print_remarks(exported)
    server = LavaServer(identity_for(args.server))
    jobs = server.submit(exported.text(args.job))
    name = str(exported.submission["job_name"])
    try:
        for job in jobs:
            print_stderr(server.page_url(job))
        with output_directory(args.output_dir, name, exported.submission) as output:
            results = _followed(server, jobs, exported.submission, output, args)
    except BaseException:  # otherwise the jobs would occupy boards
        for job, outcome in _cancel(server, jobs):
            print_stderr(f"{server.page_url(job)}: {outcome}")
        raise
    sys.stdout.write(
        render(results, "json") if args.json else summary_for_stream(sys.stdout, results, output)
    )
    return exit_code(results)


def _followed(
    server: LavaServer,
    jobs: list[str],
    submission: Any,
    output: Path,
    args: argparse.Namespace,
) -> Any:
    from ..lava.jobs.submission import as_group, node_names
    from ..lava.lab.lab_follow import follow_jobs
    from ..report.files import EVENTS, ReportWriter
    from ..report.text.terminal import Terminal
    from ..run.events import EventLog, clock_from_now, record_job_end, time_of_day

    clock = clock_from_now()
    recorder = ReportWriter(output)
    group = as_group(submission)
    names, roles = node_names(group), group["protocols"]["lava-multinode"]["roles"]
    if len(jobs) != len(names):
        text = f"the server created {len(jobs)} jobs for {len(names)} nodes"
        raise InfrastructureError(text)
    with ExitStack() as stack:
        log = stack.enter_context(EventLog(output / EVENTS, clock))
        log.subscribe(recorder)
        log.subscribe(stack.enter_context(Terminal(sys.stderr)))
        log.emit(
            "job_started",
            job={"name": submission["job_name"], "id": jobs[0], "file": args.job},
            started=time_of_day(),
            nodes={
                name: {"role": role, "device_type": roles[role].get("device_type", "")}
                for name, role in names
            },
        )
        followed = [
            _node(name, job, output, log, clock, submission, role, stack)
            for (name, role), job in zip(names, jobs, strict=True)
        ]
        interrupted = False
        try:
            follow_jobs(server, followed, log.emit, args.interval, args.wait)
        except KeyboardInterrupt:
            interrupted = True
            _give_up(server, followed, log, "cancelled", "interrupted")
        except MultinodeError as error:
            _give_up(server, followed, log, error.error_type, str(error))
        finally:
            record_job_end(log, recorder.results, interrupted=interrupted)
    return recorder.results


def _node(
    name: str,
    job: str,
    output: Path,
    log: EventLog,
    clock: Any,
    submission: Any,
    role: str,
    stack: ExitStack,
) -> FollowedJob:
    from ..console.transcript import Transcript
    from ..lava.jobs.submission import actions_of, as_group
    from ..lava.lab.lab_follow import FollowedJob
    from ..lava.log import LavaLog
    from ..lava.log_redaction import Redaction

    directory = output / "nodes" / name
    transcript = Transcript(directory, clock)
    stack.callback(transcript.close)
    record = directory / "logs.yaml"
    record.write_bytes(b"")
    actions = actions_of(as_group(submission), role)
    reader = LavaLog(name, log.emit, clock, transcript.feed, actions, Redaction(submission))
    return FollowedJob(name, job, reader, transcript, record)


def _give_up(
    server: LavaServer, followed: list[FollowedJob], log: EventLog, error_type: str, reason: str
) -> None:
    """Cancel the jobs that have not ended, so that the lab's boards become free."""
    left = {job.job: job.node for job in followed if not job.ended}
    for job, outcome in _cancel(server, list(left)):
        error = f"{reason}: {outcome}"
        log.emit(
            "node_finished", node=left[job], status="error", error_type=error_type, error=error
        )


def _cancel(server: LavaServer, jobs: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Cancel jobs; yield each job with the outcome.

    A second Ctrl-C and an unreachable server end the attempts.
    """
    from ..lava.lab.lab_server import Unreachable

    why = ""
    for job in jobs:
        if not why:
            try:
                server.cancel(job)
            except KeyboardInterrupt:
                why = "interrupted again"
            except Unreachable as error:
                why = str(error)
            except MultinodeError as error:
                yield job, f"not canceled on the server: {error}"
                continue
        where = server.page_url(job)
        yield job, f"NOT canceled, see {where}: {why}" if why else "canceled on the server"
