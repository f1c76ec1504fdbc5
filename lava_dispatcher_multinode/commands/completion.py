"""`lava-multinode completion`: what a shell needs to complete both commands."""

from __future__ import annotations

import argparse

from ..errors import ExitCode, InvalidJob, Problem

EPILOG = """\
example:
  lava-multinode completion bash > ~/.local/share/bash-completion/completions/lava-multinode

With --command lava-dispatch for the other command.
"""
SHELLS = ("bash", "zsh", "fish")
COMMANDS = ("lava-multinode", "lava-dispatch")


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb."""
    parser = subparsers.add_parser(
        "completion",
        help="print a shell's completion script",
        description="Print a script that makes a shell complete verbs, options and choices.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("shell", choices=SHELLS)
    parser.add_argument("--command", choices=COMMANDS, default=COMMANDS[0])
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> ExitCode:
    """Print it; `InvalidJob` if the library is not installed."""
    try:
        import shtab
    except ImportError:
        hint = "pip install 'lava-dispatcher-multinode[completion]'"
        raise InvalidJob([Problem("completion", 0, 0, "needs shtab", hint)]) from None
    from . import dispatch, multinode

    if args.command == "lava-dispatch":
        parser = dispatch.build_parser()
    else:
        parser = multinode.build_parser(multinode.VERBS)
    print(shtab.complete(parser, args.shell))  # noqa: T201
    return ExitCode.PASS
