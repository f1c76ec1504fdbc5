"""From the kernel's first line to a root shell."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from ..errors import BootError
from .shell import Shell

if TYPE_CHECKING:
    from ..console.expect import Dialogue
    from ..deadline import Deadline
    from ..lab.device import Boot, Login

KERNEL_WAIT = 60.0  # seconds from "Starting kernel" to the kernel's first line
USER_SPACE_WAIT = 240.0
QUIET = 0.3  # seconds of silence that make an end of line a prompt
NUDGE = 10.0  # seconds of silence after which a hidden prompt is asked for again
# A prompt ends what the board has printed, or a kernel message cuts in behind it.
STAMP = rb"\[ *\d+\.\d{6}\]"
ESCAPES = rb"(?:\x1b(?:\[[0-9;?]*[A-Za-z]|[78]) *)*"
END = rb" *" + ESCAPES + rb"(?:$|(?=" + STAMP + rb"))"
PASSWORD = rb"[Pp]assword:" + END
REFUSED = rb"Login incorrect|Authentication failure"
MAX_LOGINS = 5


def wait_for_kernel(dialogue: Dialogue, boot: Boot, deadline: Deadline) -> None:
    """Wait for the kernel's first line."""
    if boot.kernel_start:
        dialogue.expect(
            [re.escape(boot.kernel_start.encode())],
            timeout=deadline.within(KERNEL_WAIT),
            step=f"waited for the kernel's '{boot.kernel_start}': "
            "is the kernel right for the board, and its console= the port?",
        )


def log_in(dialogue: Dialogue, login: Login, deadline: Deadline) -> Shell:
    """Get past the login prompt, if there is one, to a shell that answers."""
    prompt = re.escape(login.prompt.strip().encode()) + END
    ends = b"|".join(re.escape(text.rstrip().encode()) for text in login.shell_prompts)
    shell_prompt = rb"(?:^|[\r\n])[^\r\n]{0,200}(?:" + ends + rb")" + END
    limit = deadline.within(USER_SPACE_WAIT)
    over = time.monotonic() + limit
    asked = 0
    while (left := over - time.monotonic()) > 0 and asked <= MAX_LOGINS:
        patterns = [prompt, PASSWORD, shell_prompt]
        if asked:  # before that a boot script may say the same of something else
            patterns.append(REFUSED)
        before = dialogue.console.tail()
        found = dialogue.expect_or_none(patterns, timeout=min(left, NUDGE))
        if found is None:
            if dialogue.console.tail() == before:
                dialogue.send(b"\n")  # a late kernel message may have hidden the prompt
        elif found.index == 3:
            raise BootError(
                dialogue.explain(
                    f"the board refused the login of '{login.user}': "
                    "set login.user and login.password"
                )
            )
        elif _goes_on(dialogue):
            continue  # that was no prompt
        elif found.index == 0:
            asked += 1
            dialogue.send(login.user.encode() + b"\n")
        elif found.index == 1:
            if login.password is None:
                raise BootError(
                    dialogue.explain(
                        f"the board asks for the password of '{login.user}': set login.password"
                    )
                )
            dialogue.send(login.password.encode() + b"\n")
        else:
            shell = Shell(dialogue, deadline)
            shell.take()
            return shell
    if asked > MAX_LOGINS:
        text = f"the board asked {asked} times for a user: set login.user and login.password"
        raise BootError(dialogue.explain(text))
    raise BootError(
        dialogue.explain(
            f"waited for '{login.prompt}' or a shell prompt: nothing like it in "
            f"{limit:.0f} s: set login.prompt or login.shell_prompts"
        )
    )


def _goes_on(dialogue: Dialogue) -> bool:
    """Whether the line goes on after what looked like a prompt, other than by the kernel.

    No more than the rest of that line is taken: the next may be the real prompt.
    """
    line = dialogue.expect_or_none([rb"[^\r\n]*[\r\n]"], timeout=QUIET)
    rest = line or dialogue.expect_or_none([rb"[^\r\n]+"], timeout=0.0)
    # A slow line may have brought the kernel's time stamp in part.
    return rest is not None and re.match(rb"[\r\n]?\[ *\d", rest.match.group()) is None
