"""`--web [PORT]`: the timeline live in a browser, for the commands that have it."""

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
    """Add the option; `expand_web_option` has to see the words before the parser does."""
    parser.add_argument(
        OPTION,
        metavar="PORT",
        nargs="?",
        type=_port,
        const=0,
        help="serve the timeline live to browsers of this machine (default port: a free one)",
    )


def expand_web_option(words: Sequence[str]) -> list[str]:
    """Return the words with `--web=0` for a `--web` that no port follows.

    What follows is a job or a directory, which argparse would take for the port.
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
    """Give what has to hear the events: nobody, or what serves them while the context lasts."""
    if port is None:
        yield []
        return
    from ..report.html.live_server import LiveRun, WebServer

    run = LiveRun(directory)
    try:
        server = WebServer(run, port)
    except OSError as error:
        message = f"cannot serve on port {port}: {error.strerror or error}"
        hint = "without a number a free port is taken"
        raise InvalidJob.about(OPTION, message, hint) from error
    with server:
        say(f"the timeline, live: {server.url}")
        yield [run]


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port: 0 to 65535")
    return int(text)
