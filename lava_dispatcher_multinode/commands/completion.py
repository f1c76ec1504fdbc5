"""`lava-multinode completion`: completion scripts of shells for both commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import ExitCode, InvalidJob

if TYPE_CHECKING:
    import argparse

DESCRIPTION = "Print a completion script for a shell."
EPILOG = """\
example:
  lava-multinode completion bash > ~/.local/share/bash-completion/completions/lava-multinode

--command lava-dispatch prints the script for the other command.
"""
SHELLS = ("bash", "zsh", "fish")
COMMANDS = ("lava-multinode", "lava-dispatch")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the verb."""
    parser.add_argument("shell", choices=SHELLS)
    parser.add_argument("--command", choices=COMMANDS, default=COMMANDS[0])


def run(args: argparse.Namespace) -> ExitCode:
    """Print the script; raise `InvalidJob` if shtab is not installed."""
    try:
        import shtab
    except ImportError:
        hint = "pip install shtab"
        raise InvalidJob.about("completion", "needs shtab", hint) from None
    from . import dispatch, lava_multinode

    if args.command == "lava-dispatch":
        parser = dispatch.build_parser()
    else:
        parser = lava_multinode.build_parser(lava_multinode.VERBS)
    print(shtab.complete(parser, args.shell))  # noqa: T201
    return ExitCode.PASS
