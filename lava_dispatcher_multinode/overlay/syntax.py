"""Syntax check of steps and scripts by this host's sh, without running them."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

from ..errors import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..job.model import Position
    from .definition import TestDefinition

CHECK_TIMEOUT_S = 5.0
_ERROR = re.compile(r"(?:(\d+): )?(syntax error.*)", re.IGNORECASE)
_HINT = "according to this host's sh; the board's sh may accept it"


def check_steps(test: TestDefinition) -> Iterator[Problem]:
    """Yield a warning for each section of `test` whose steps are not valid shell.

    The steps of a section form one script: a loop may span several of them.
    """
    install = len(test.install_steps)
    for steps, places in (
        (test.install_steps, test.places[:install]),
        (test.steps, test.places[install:]),
    ):
        if steps and (found := _complaint(steps)) is not None:
            line, text = found
            at = _place(steps, places, line)
            yield at.problem(text, _HINT, warning=True)


def check_script(name: str, text: str) -> Iterator[Problem]:
    """Yield a warning for a called script that its interpreter cannot run."""
    first = text.partition("\n")[0]
    program = first[2:].strip().partition(" ")[0]
    if not first.startswith("#!"):
        return
    if first.endswith("\r"):
        message, hint = "its lines end in CR LF", "save it with LF line ends"
        yield Problem(name, 1, 1, f"{message}: the board finds no '{program}'", hint, warning=True)
    elif not program.startswith("/"):
        hint = "use an absolute path, as in #!/bin/sh"
        yield Problem(name, 1, 1, f"the board finds no '{program}'", hint, warning=True)
    elif program == "/bin/sh" and (found := _complaint([text])) is not None:
        yield Problem(name, found[0], 1, found[1], _HINT, warning=True)


def _complaint(steps: Sequence[str]) -> tuple[int, str] | None:
    """Return the line number, from 1, and the error; None if there is no error."""
    script = "\n".join(steps) + "\n"
    try:
        done = subprocess.run(
            ["sh", "-n"],
            input=script.encode(),
            capture_output=True,
            timeout=CHECK_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = _ERROR.search(done.stderr.decode(errors="replace"))
    if done.returncode <= 0 or found is None:
        return None
    return int(found[1] or 1), found[2][0].lower() + found[2][1:200]


def _place(steps: Sequence[str], places: Sequence[Position], line: int) -> Position:
    """Return the position of the step that contains this line of the script."""
    for step, place in zip(steps, places, strict=True):
        line -= step.count("\n") + 1
        if line <= 0:
            return place
    return places[-1]
