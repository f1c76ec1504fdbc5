"""What the dispatcher types at a board's shell around each command, and what marks its output."""

from __future__ import annotations

#: The first command. An editor of the shell's own would echo, redraw and take keys for commands.
QUIET = "stty -echo cols 200; set +o emacs +o vi 2>/dev/null; unset HISTFILE; PS1= PS2="
#: Printed by the shell when lava-test-runner has ended, with its exit code. Without quotes: a
#: typed line that loses its end must not leave one open.
RUNNER_ENDED = "lava-runner-ended"
#: Typed behind a command.
KEEP_CODE = "lava_code=$?"


def begin(number: int | str) -> str:
    """Return what is typed before a command; its own echo is not the mark that it prints."""
    return f"printf '<%s %s>\\n' lava-begin {number}; "


def end(number: int | str) -> str:
    """Return what is typed to have a command's exit code."""
    return f"printf '<%s %s %s>\\n' lava-end {number} $lava_code"


def begun(number: int | str) -> str:
    """Return the line that stands before a command's output."""
    return f"<lava-begin {number}>"


def ended(number: int | str, code: int | str) -> str:
    """Return the line that stands behind it."""
    return f"<lava-end {number} {code}>"
