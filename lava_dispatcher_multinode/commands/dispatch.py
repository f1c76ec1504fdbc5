"""`lava-dispatch JOB`: run or validate a job."""

from __future__ import annotations

import argparse
import json
import sys
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import __version__
from ..errors import ExitCode, InvalidJob, Problem, worst
from ..run.host_errors import host_failure, raise_file_limit
from ..run.interrupts import Interruptions, raise_once
from .arguments import add_config_dir, add_job, seconds
from .exit_codes import discard_output, ensure_streams, print_stderr, run_guarded
from .web import add_web_option, expand_web_option, serve_report

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ..report.results import Results
    from ..run.job import RunOutcome
    from ..run.run_session import LoadedJob

EXAMPLE = """examples:
  lava-dispatch --simulate examples/seed.json      three boards, no hardware
  lava-dispatch --validate job.json                print every error, touch no board
  lava-dispatch --wait 600 --output-dir out job.json
"""


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="lava-dispatch",
        description="Run a LAVA MultiNode job: allocate boards, deploy, boot, test, report.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_job(parser)
    parser.add_argument("--version", action="version", version=__version__)
    parser.add_argument(
        "--validate",
        action="store_true",
        help="print every error of the job and stop; exit 2 if there is one",
    )
    parser.add_argument(
        "--output-dir",
        metavar="DIR",
        type=Path,
        help="directory for results (default: lava-runs/<time>-<job name>)",
    )
    add_config_dir(parser)
    parser.add_argument("--target", metavar="DEVICE", help="device of a single-board job")
    parser.add_argument("--job-id", metavar="ID", help="ID of the job (default: a random one)")
    parser.add_argument(
        "--wait",
        metavar="SECONDS",
        type=seconds,
        default=0.0,
        help="time to wait for busy boards (default 0: fail at once)",
    )
    boards = parser.add_mutually_exclusive_group()
    boards.add_argument(
        "--simulate",
        action="store_true",
        help="run on simulated boards of the job's device types",
    )
    boards.add_argument(
        "--emulate",
        action="store_true",
        help="run on boards emulated by QEMU, with a real U-Boot and a real Linux",
    )
    parser.add_argument(
        "--unconfined",
        action="store_true",
        help="run simulated boards without confinement if the host does not support it",
    )
    parser.add_argument(
        "--json",
        action="store_true",
        help="print results.json on stdout; with --validate, a list of problems",
    )
    add_web_option(parser)
    parser.add_argument(
        "--pause-on-failure",
        action="store_true",
        help="after a failure, keep all boards powered and open the console of the failed board",
    )
    volume = parser.add_mutually_exclusive_group()
    volume.add_argument("-v", "--verbose", action="store_true", help="also print log lines")
    volume.add_argument("-q", "--quiet", action="store_true", help="print only the summary")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit code."""
    ensure_streams()
    words = expand_web_option(sys.argv[1:] if arguments is None else arguments)
    options = build_parser().parse_args(words)
    # SIGTERM and SIGHUP end a run like Ctrl-C.
    raise_once()
    raise_file_limit()
    return run_guarded("lava-dispatch", lambda: _validate_or_run(options))


def _validate_or_run(options: argparse.Namespace) -> ExitCode:
    # Deferred imports keep --help and usage errors fast.
    from ..run.board_selection import BoardSelection
    from ..run.run_session import load_job
    from .pause_terminal import check_terminal

    if options.pause_on_failure:
        check_terminal()
    selection = BoardSelection(options.simulate, options.emulate, options.config_dir, options.wait)
    try:
        loaded = load_job(options.job, selection, target=options.target, job_id=options.job_id)
        if options.validate:
            return _validate(loaded, options)
    except InvalidJob as error:
        if not (options.validate and options.json):
            raise
        _print_problems(error.problems)
        return error.exit_code
    outcome, output = _run(loaded, options)
    # The boards are released by now: a slow reader of the summary keeps nothing.
    return _conclude(outcome, output, as_json=options.json)


def _validate(loaded: LoadedJob, options: argparse.Namespace) -> ExitCode:
    """Print the warnings of a valid job."""
    from ..run.run_session import validate_job

    problems = validate_job(loaded)
    if options.json:
        _print_problems(problems)
        return ExitCode.PASS
    if not options.quiet:
        _say_all(problems)
        job = loaded.job
        nodes, actions = _count(job.size, "node"), _count(len(job.actions), "action")
        print_stderr(f"{job.file}: valid: {nodes}, {actions}")
    return ExitCode.PASS


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _run(loaded: LoadedJob, options: argparse.Namespace) -> tuple[RunOutcome, Path]:
    """Run the job; return its outcome and the run directory."""
    from ..report.consoles import LastLines
    from ..report.text.terminal import Terminal
    from ..run.job import run_job
    from ..run.pause import Pause
    from ..run.run_session import prepare_run
    from .pause_terminal import TerminalInterface

    verbosity = 1 if options.verbose else -1 if options.quiet else 0
    with ExitStack() as stack:
        prepared = stack.enter_context(
            prepare_run(
                loaded,
                output=options.output_dir,
                unconfined=options.unconfined,
                on_wait=print_stderr,
                on_warnings=_ignore if options.quiet else _say_all,
            )
        )
        output = prepared.output
        terminal = stack.enter_context(
            Terminal(sys.stderr, verbosity=verbosity, last_line=LastLines(output))
        )
        web = serve_report(
            options.web, output, lambda text: print_stderr(f"lava-dispatch: {text}")
        )
        listeners: list[Callable[[Mapping[str, Any]], None]] = [terminal]
        listeners += stack.enter_context(web)
        pause = Pause(TerminalInterface(terminal)) if options.pause_on_failure else None
        if pause is not None:
            listeners.append(pause.listen)
        interruptions = Interruptions(final=True)
        hook = pause.on_node_end if pause is not None else None
        return run_job(prepared, listeners, interruptions, hook), output


def _conclude(outcome: RunOutcome, output: Path, *, as_json: bool) -> ExitCode:
    """Print the results of the run; return its exit code."""
    from ..report.verdict import exit_code

    _print_results(outcome.results, output, as_json=as_json)
    code = exit_code(outcome.results)
    failure = outcome.failure
    if failure is not None:
        host = isinstance(failure, OSError | MemoryError)
        reason = host_failure(failure) or (failure if host else repr(failure))
        print_stderr(f"lava-dispatch: {output}: the results are incomplete: {reason}")
        code = worst([code, ExitCode.INFRASTRUCTURE if host else ExitCode.BUG])
    return code


def _print_results(results: Results, output: Path, *, as_json: bool) -> None:
    """Print the results; the exit code stays if that fails."""
    from ..report.files import render
    from ..report.text.summary import summary_for_stream

    text = render(results, "json") if as_json else summary_for_stream(sys.stdout, results, output)
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError as error:  # the reader has ended, or the disk is full
        discard_output()
        if not isinstance(error, BrokenPipeError):
            print_stderr(f"lava-dispatch: cannot write to standard output: {error.strerror}")


def _print_problems(problems: Sequence[Problem]) -> None:
    print(json.dumps([asdict(problem) for problem in sorted(problems)], indent=1))  # noqa: T201


def _say_all(problems: Sequence[Problem]) -> None:
    for problem in problems:
        print_stderr(str(problem))


def _ignore(_problems: Sequence[Problem]) -> None:
    """Print no warnings: --quiet."""
