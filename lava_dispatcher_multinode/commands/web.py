"""The option `--web [PORT]`: a live report for browsers."""

from __future__ import annotations

import argparse
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..errors import InvalidJob

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import Any

OPTION = "--web"


def add_web_option(parser: argparse.ArgumentParser) -> None:
    """Add the option; the command line must pass through `expand_web_option` first."""
    parser.add_argument(
        OPTION,
        metavar="PORT",
        nargs="?",
        type=_port,
        const=0,
        help="serve a live report to browsers on this host (default port: a free one)",
    )


def expand_web_option(words: Sequence[str]) -> list[str]:
    """Return the command line with `--web=0` in place of a `--web` without a port.

    argparse would take the job or the directory that follows for the port.
    """
    following = [*words, ""][1:]
    return [
        f"{OPTION}=0" if word == OPTION and not after.isdecimal() else word
        for word, after in zip(words, following, strict=True)
    ]


@contextmanager
def serve_report(
    port: int | None, directory: Path, say: Callable[[str], None]
) -> Iterator[list[Callable[[Mapping[str, Any]], None]]]:
    """Serve a live report for as long as the context lasts; yield the subscribers for events.

    Without `port` there are none. `say` gets the URL.
    """
    if port is None:
        yield []
        return
    from ..report.html.live_server import LiveRun, WebServer

    run = LiveRun(directory)
    try:
        server = WebServer(run, port)
    except OSError as error:
        message = f"cannot serve on port {port}: {error.strerror or error}"
        hint = "omit the number to use a free port"
        raise InvalidJob.about(OPTION, message, hint) from error
    with server:
        say(f"live report: {server.url}")
        yield [run]


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port (0 to 65535)")
    return int(text)
