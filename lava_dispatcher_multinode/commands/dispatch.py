"""`lava-dispatch JOB`: run a job, or say what is wrong with it."""

from __future__ import annotations

import argparse
import json
import secrets
import sys
from contextlib import ExitStack
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from .. import __version__
from ..errors import ExitCode, InvalidJob, Problem, worst
from ..run.host_errors import allow_files, host_failure
from ..run.interrupts import Interruptions, raise_once
from .arguments import add_config_dir, add_job, seconds
from .exit_codes import forget_output, guarded, have_streams, say
from .web import add_option, served, spelled_out

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..job.model import Job
    from ..overlay.overlay_store import OverlayStore
    from ..report.results import Results
    from ..run.board_selection import BoardSelection
    from ..run.job import Assignment, RunOutcome
    from ..run.supervisor.supervisor import Supervisor

EXAMPLE = """examples:
  lava-dispatch --simulate examples/seed.json      three boards, no hardware
  lava-dispatch --validate job.json                every error, nothing touched
  lava-dispatch --wait 600 --output-dir out job.json
"""


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="lava-dispatch",
        description="Run a LAVA job on a group of boards: allocate, deploy, boot, test, report.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_job(parser)
    parser.add_argument("--version", action="version", version=__version__)
    parser.add_argument(
        "--validate", action="store_true", help="print every error of the job and stop; exit 2"
    )
    parser.add_argument(
        "--output-dir",
        metavar="DIR",
        type=Path,
        help="where results go (default: lava-runs/<time>-<job name>)",
    )
    add_config_dir(parser)
    parser.add_argument("--target", metavar="DEVICE", help="the board of a single-board job")
    parser.add_argument("--job-id", metavar="ID", help="the job's ID (default: a random one)")
    parser.add_argument(
        "--wait",
        metavar="SECONDS",
        type=seconds,
        default=0.0,
        help="how long to wait for busy boards (default 0: fail at once)",
    )
    boards = parser.add_mutually_exclusive_group()
    boards.add_argument(
        "--simulate",
        action="store_true",
        help="run on simulated boards of the types that the job asks for",
    )
    boards.add_argument(
        "--emulate",
        action="store_true",
        help="run on boards that QEMU emulates, with a real U-Boot and a real Linux",
    )
    parser.add_argument(
        "--unconfined",
        action="store_true",
        help="let simulated boards run as plain processes where they cannot be confined",
    )
    parser.add_argument(
        "--json",
        action="store_true",
        help="print results.json, or with --validate a list of problems, on stdout",
    )
    add_option(parser)
    parser.add_argument(
        "--pause-on-failure",
        action="store_true",
        help="when a node has failed, keep all boards up and hand its console to this terminal",
    )
    volume = parser.add_mutually_exclusive_group()
    volume.add_argument("-v", "--verbose", action="store_true", help="also show the log")
    volume.add_argument("-q", "--quiet", action="store_true", help="show the summary only")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit code."""
    have_streams()
    words = spelled_out(sys.argv[1:] if arguments is None else arguments)
    options = build_parser().parse_args(words)
    # A closed terminal or a service manager ends a run as tidily as Ctrl-C does.
    raise_once()
    allow_files()
    return guarded("lava-dispatch", lambda: _checked_or_run(options))


def _checked_or_run(options: argparse.Namespace) -> ExitCode:
    if not (options.validate and options.json):
        return _dispatch(options)
    try:
        return _dispatch(options)
    except InvalidJob as error:
        _print_problems(error.problems)
        return error.exit_code


def _dispatch(options: argparse.Namespace) -> ExitCode:
    # Imports wait for their turn: --help and a wrong command line are instant.
    from ..job.source import load
    from ..overlay.overlay_store import OverlayStore
    from ..run.board_selection import hold_boards
    from ..run.job_check import check_rest, check_virtual
    from ..run.scratch import scratch
    from ..run.supervisor.supervisor import Supervisor
    from .paused import check_terminal

    if options.pause_on_failure:
        check_terminal()
    document = load(options.job)
    selection = _selection(options)
    try:
        job, warnings = selection.parse(document, options.target)
    except InvalidJob as error:
        raise InvalidJob(sorted({*error.problems, *check_rest(document)})) from error
    job_id = options.job_id or secrets.token_hex(4)
    with ExitStack() as stack:
        supervisor = None if options.validate else stack.enter_context(Supervisor())
        overlays = OverlayStore(stack.enter_context(scratch(supervisor)), job, job_id)
        if supervisor is None:
            return _validate(job, warnings, overlays, selection, options)
        members = stack.enter_context(hold_boards(job, selection, supervisor, say))
        found = [
            *_checked(job, overlays, members),
            *(check_virtual(job) if selection.is_virtual else ()),
        ]
        _tell([*warnings, *found], options)
        outcome, output = _run(job, members, overlays, document.data, job_id, options, supervisor)
    # The boards are free now, and all is put away: whoever reads this may take its time.
    return _conclude(outcome, output, as_json=options.json)


def _validate(
    job: Job,
    warnings: Sequence[Problem],
    overlays: OverlayStore,
    selection: BoardSelection,
    options: argparse.Namespace,
) -> ExitCode:
    """Print everything that is wrong; nothing is fetched and no board is touched."""
    from ..run.board_selection import virtual_devices
    from ..run.job_check import check, check_boards, check_hosts, check_lava, check_virtual

    problems = [*warnings, *check(job, overlays, remote=False)]
    if selection.lab is None:
        try:
            virtual_devices(job, selection)
        except InvalidJob as error:
            problems += error.problems
        problems += check_hosts(job, {role.name: ("own",) for role in job.roles})
        problems += check_virtual(job)
    else:
        problems += check_boards(job, selection.lab)
    if any(not problem.warning for problem in problems):
        raise InvalidJob(sorted(problems))
    if selection.lab is not None:
        check_lava(job, selection.lab)
    if options.json:
        _print_problems(problems)
        return ExitCode.PASS
    _tell(sorted(problems), options)
    if not options.quiet:
        nodes, actions = _counted(job.size, "node"), _counted(len(job.actions), "action")
        say(f"{job.file}: valid: {nodes}, {actions}")
    return ExitCode.PASS


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _checked(job: Job, overlays: OverlayStore, members: Sequence[Assignment]) -> list[Problem]:
    from ..lab.device_model import LAVA
    from ..lava.dispatcher.preflight import ready
    from ..run.job_check import check, check_hosts

    hosts = {
        role.name: [m.device.host for m in members if m.role == role.name] for role in job.roles
    }
    lavas = {role for role, kinds in hosts.items() if set(kinds) == {LAVA}}
    problems = [*check(job, overlays, remote=True, lavas=lavas), *check_hosts(job, hosts)]
    if any(not problem.warning for problem in problems):
        raise InvalidJob(sorted(problems))
    ready(member.device for member in members)
    return problems


def _selection(options: argparse.Namespace) -> BoardSelection:
    from ..run.board_selection import BoardSelection

    return BoardSelection(options.simulate, options.emulate, options.config_dir, options.wait)


def _run(
    job: Job,
    members: Sequence[Assignment],
    overlays: OverlayStore,
    data: object,
    job_id: str,
    options: argparse.Namespace,
    supervisor: Supervisor,
) -> tuple[RunOutcome, Path]:
    from ..report.consoles import LastLines
    from ..report.text.terminal import Terminal
    from ..run.job import RunOptions, run
    from ..run.output import output_directory
    from ..run.pause import Pause
    from .paused import TerminalDesk

    verbosity = 1 if options.verbose else -1 if options.quiet else 0
    with (
        output_directory(
            options.output_dir, job.name, data, locked=supervisor.hold_lock
        ) as output,
        Terminal(sys.stderr, verbosity=verbosity, last_line=LastLines(output)) as terminal,
        served(options.web, output, lambda text: say(f"lava-dispatch: {text}")) as listeners,
    ):
        chosen = RunOptions(output, job_id, options.unconfined, supervisor)
        if options.pause_on_failure:
            pause = Pause(TerminalDesk(terminal))
            chosen = replace(chosen, on_node_end=pause.visit)
            listeners.append(pause.listen)
        signals = Interruptions(final=True)
        outcome = run(job, members, overlays, chosen, [terminal, *listeners], signals)
    return outcome, output


def _conclude(outcome: RunOutcome, output: Path, *, as_json: bool) -> ExitCode:
    """Tell what came of the run; return its exit code."""
    from ..report.verdict import exit_code

    _show(outcome.results, output, as_json=as_json)
    code = exit_code(outcome.results)
    failure = outcome.failure
    if failure is not None:
        host = isinstance(failure, OSError | MemoryError)
        reason = host_failure(failure) or (failure if host else repr(failure))
        say(f"lava-dispatch: {output}: not all of the run is there: {reason}")
        code = worst([code, ExitCode.INFRASTRUCTURE if host else ExitCode.BUG])
    return code


def _show(results: Results, output: Path, *, as_json: bool) -> None:
    """Print what came of the run; its exit code counts also where that cannot be."""
    from ..report.files import render
    from ..report.text.summary import summary_for_stream

    text = render(results, "json") if as_json else summary_for_stream(sys.stdout, results, output)
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError as error:  # nobody reads any more, or the disk is full
        forget_output()
        if not isinstance(error, BrokenPipeError):
            say(f"lava-dispatch: cannot write to standard output: {error.strerror}")


def _print_problems(problems: Sequence[Problem]) -> None:
    print(json.dumps([asdict(problem) for problem in sorted(problems)], indent=1))  # noqa: T201


def _tell(problems: Sequence[Problem], options: argparse.Namespace) -> None:
    if not options.quiet:
        for problem in problems:
            say(str(problem))
