"""Shell text sent around each command, and the markers that delimit its output."""

from __future__ import annotations

#: The first command. A login shell may have hooks that print around each command (PROMPT_COMMAND,
#: PS0, precmd, preexec, traps), so a plain one replaces it if the board has one on its PATH.
PLAIN_SHELL = "env sh -c : 2>/dev/null && exec env ENV= PROMPT_COMMAND= PS0= sh"
#: The second one. It disables line editing, which would echo, redraw and interpret keys.
QUIET = (
    "stty -echo cols 200; set +o emacs +o vi 2>/dev/null; unset HISTFILE ENV PROMPT_COMMAND PS0; "
    "PS1= PS2="
)
#: Printed by the shell after lava-test-runner, with its exit code. Not quoted: a line whose end
#: is lost must not leave a quote open.
RUNNER_ENDED = "lava-runner-ended"
#: Sent after a command; saves its exit code.
KEEP_CODE = "lava_code=$?"


def begin(number: int | str) -> str:
    """Return the text to send before a command; its echo does not match the marker it prints."""
    return f"printf '<%s %s>\\n' lava-begin {number}; "


def end(number: int | str) -> str:
    """Return the text to send after a command; it prints the marker with the exit code."""
    return f"printf '<%s %s %s>\\n' lava-end {number} $lava_code"


def begun(number: int | str) -> str:
    """Return the marker line before a command's output."""
    return f"<lava-begin {number}>"


def ended(number: int | str, code: int | str) -> str:
    """Return the marker line after a command's output."""
    return f"<lava-end {number} {code}>"
