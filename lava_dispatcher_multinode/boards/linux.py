"""From the kernel's first line to a shell."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ..errors import BootError
from .bootloaders.u_boot_messages import kernel_pattern
from .shell import Shell

if TYPE_CHECKING:
    from ..console.expect import Dialogue
    from ..deadline import Deadline
    from ..lab.device_model import Boot, Login

QUIET = 0.3  # seconds of silence that make an end of line a prompt
NUDGE = 10.0  # seconds of silence after which a hidden prompt is asked for again
COMMAND_WAIT = 30.0  # seconds for one of login.commands
MAX_LOGINS = 5
# A prompt ends what the board has printed, or a kernel message cuts in behind it.
# Shells colour it, and BusyBox asks for the cursor's place after it.
STAMP = rb"\[ *\d+\.\d{6}\]"
ESCAPES = rb"(?:\x1b(?:\[[0-9;?]*[A-Za-z]|[78]) *)*"
END = rb" *" + ESCAPES + rb"(?:$|(?=" + STAMP + rb"))"
PASSWORD = rb"[Pp]assword(?: for [\w.-]{1,64})?:" + END
REFUSED = rb"Login incorrect|Authentication failure|Sorry, try again|incorrect password"
#: Where a boot may end instead, and what that means.
DEAD_ENDS = (
    (
        rb"\(initramfs\)" + END,
        "the boot ended in the initial ramdisk's shell: is root= right, and its driver there?",
    ),
    (
        rb"Give root password for maintenance|Press Enter for maintenance",
        "the boot ended in emergency mode: a file system or a service that it needs failed",
    ),
    (
        rb"You are required to change your password|[Yy]our password has expired",
        "the board wants the password changed before anybody may work",
    ),
)


def wait_for_kernel(dialogue: Dialogue, boot: Boot, deadline: Deadline) -> None:
    """Wait for the kernel's first line."""
    if boot.kernel_start:
        dialogue.expect(
            [kernel_pattern(boot.kernel_start)],
            timeout=deadline.part(boot.kernel_timeout, "boot.kernel_timeout"),
            step=f"waited for the kernel's '{boot.kernel_start}': "
            "is the kernel right for the board, and its console= the port?",
        )


def log_in(dialogue: Dialogue, login: Login, deadline: Deadline, fifo: int = 0) -> Shell:
    """Get past the login prompt, if there is one, to a shell that answers.

    `fifo` is that of the device's connection.
    """
    limit = deadline.part(login.timeout, "login.timeout")
    _Login(dialogue, login).get_to_shell(limit)
    shell = Shell(dialogue, deadline, fifo)
    shell.take()
    return shell


class _Login:
    """Answers what a board asks between its kernel and its shell."""

    def __init__(self, dialogue: Dialogue, login: Login) -> None:
        self._dialogue = dialogue
        self._login = login
        self._asked = 0
        prompt = re.escape(login.prompt.strip().encode()) + END
        ends = b"|".join(re.escape(text.rstrip().encode()) for text in login.shell_prompts)
        self._shell_prompt = rb"(?:^|[\r\n])[^\r\n]{0,200}(?:" + ends + rb")" + END
        dead_ends = [pattern for pattern, _ in DEAD_ENDS]
        self._patterns = [prompt, PASSWORD, self._shell_prompt, *dead_ends]

    def get_to_shell(self, limit: Deadline) -> None:
        """Return at a shell's prompt, after `login.commands` if there are any."""
        while limit.left and self._asked <= MAX_LOGINS:
            # Before that a boot script may say the same of something else.
            patterns = [*self._patterns, REFUSED] if self._asked else self._patterns
            before = self._dialogue.console.tail()
            found = self._dialogue.expect_or_none(patterns, timeout=min(limit.left, NUDGE))
            if found is None:
                if self._dialogue.console.tail() == before:
                    self._dialogue.send(b"\n")  # a late kernel message may have hidden the prompt
            elif found.index == len(self._patterns):
                raise self._error(
                    f"the board refused the login of '{self._login.user}': "
                    "set login.user and login.password"
                )
            elif found.index > 2:
                raise self._error(DEAD_ENDS[found.index - 3][1])
            elif _goes_on(self._dialogue):
                continue  # that was no prompt
            elif found.index == 0:
                self._asked += 1
                self._dialogue.send(self._login.user.encode() + b"\n")
            elif found.index == 1:
                self._say_password()
            else:
                for command in self._login.commands:
                    self._run(command, limit)
                return
        if self._asked > MAX_LOGINS:
            raise self._error(
                f"the board asked {self._asked} times for a user: "
                "set login.user and login.password"
            )
        raise self._error(
            f"waited for '{self._login.prompt}' or a shell prompt: nothing like it within "
            f"{limit}: set login.prompt or login.shell_prompts"
        )

    def _run(self, command: str, limit: Deadline) -> None:
        """Type one of `login.commands`: `sudo su`, say, which may ask for the password."""
        part = limit.part(COMMAND_WAIT, "for one of login.commands")
        self._dialogue.send(command.encode() + b"\n")
        while True:
            found = self._dialogue.expect(
                [PASSWORD, self._shell_prompt, REFUSED],
                timeout=part,
                step=f"waited for a shell prompt after '{command}' of login.commands",
            )
            if found.index == 2:
                raise self._error(f"the board refused '{command}' of login.commands")
            if _goes_on(self._dialogue):
                continue
            if found.index == 1:
                return
            self._say_password()

    def _say_password(self) -> None:
        if self._login.password is None:
            raise self._error(
                f"the board asks for the password of '{self._login.user}': set login.password"
            )
        self._dialogue.send(self._login.password.encode() + b"\n")

    def _error(self, text: str) -> BootError:
        return BootError(self._dialogue.explain(text))


def _goes_on(dialogue: Dialogue) -> bool:
    """Whether the line goes on after what looked like a prompt, other than by the kernel.

    No more than the rest of that line is taken: the next may be the real prompt.
    """
    line = dialogue.expect_or_none([rb"[^\r\n]*[\r\n]"], timeout=QUIET)
    rest = line or dialogue.expect_or_none([rb"[^\r\n]+"], timeout=0.0)
    if rest is None:
        return False
    text = re.sub(ESCAPES, b"", rest.match.group())
    # A slow line may have brought the kernel's time stamp in part.
    return text != b"" and re.match(rb"[\r\n]?\[ *\d", text) is None
