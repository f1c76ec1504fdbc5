"""`lava-multinode VERB`: every verb is a module, imported when it is named.

It has `DESCRIPTION` and `EPILOG` for --help, `add_arguments(parser)`, and `run(options)`,
which returns the exit code.
"""

from __future__ import annotations

import argparse
import sys
from importlib import import_module
from typing import TYPE_CHECKING

from .. import __version__
from ..errors import ExitCode
from .exit_codes import ensure_streams, run_guarded
from .web import expand_web_option

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

#: Verb to what it does, for --help; the module has the verb's name.
VERBS = {
    "boards": "list the boards, their state and who holds them",
    "completion": "print a shell's completion script",
    "console": "take a board's console by hand",
    "coordinator": "run a MultiNode coordinator by itself",
    "doctor": "look for what is wrong on this host",
    "export": "write a job in LAVA's format",
    "init": "write a first device file and job",
    "power": "switch a board on or off",
    "report": "make a report from a run directory",
    "schema": "print a JSON Schema",
    "submit": "run a job on a LAVA lab",
    "watch": "look at a run that is going on",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit code."""
    ensure_streams()
    words = expand_web_option(sys.argv[1:] if arguments is None else arguments)
    named = next((word for word in words if not word.startswith("-")), None)
    parser = build_parser([named] if named else [])
    if not words:
        parser.print_help(sys.stderr)
        parser.exit(ExitCode.INVALID)
    options, unknown = parser.parse_known_args(words)
    if unknown:  # argparse would show the usage of the command, which is no help
        options.verb.error(f"unrecognized arguments: {' '.join(unknown)}")

    def command() -> ExitCode:
        code: ExitCode = options.run(options)
        return code

    return run_guarded("lava-multinode", command)


def build_parser(whole: Iterable[str]) -> argparse.ArgumentParser:
    """Return the parser; of the verbs that are not in `whole` it knows the names only."""
    parser = argparse.ArgumentParser(
        prog="lava-multinode",
        description="Boards, coordinator and reports of multi-board jobs.",
        epilog="Jobs themselves are run by lava-dispatch.",
        formatter_class=lambda prog: argparse.HelpFormatter(prog, max_help_position=30),
    )
    parser.add_argument("--version", action="version", version=__version__)
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    for verb, text in VERBS.items():
        if verb not in whole:
            verbs.add_parser(verb, help=text)
            continue
        module = import_module(f".{verb}", __package__)
        own = verbs.add_parser(
            verb,
            help=text,
            description=module.DESCRIPTION,
            epilog=module.EPILOG,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module.add_arguments(own)
        own.set_defaults(run=module.run, verb=own)
    return parser
