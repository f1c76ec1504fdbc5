"""From the start of the kernel to a shell: kernel messages, login, boots that end elsewhere."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ..errors import BootError
from .shell import Shell

if TYPE_CHECKING:
    from ..console.expect import Dialogue
    from ..deadline import Deadline
    from ..lab.device_sections import Boot, Login

PROMPT_SILENCE_S = 0.3  # without output, after which an end of line is a prompt
NUDGE_AFTER_S = 10.0  # without output, after which a line end repeats a hidden prompt
COMMAND_TIMEOUT_S = 30.0  # for one of login.commands
MAX_LOGINS = 5
KERNEL_STARTS = rb"Starting kernel"  # as a boot loader prints it
BOOTING_LINUX = "Booting Linux on"
#: Shows that a kernel runs, also if its first lines come garbled or `quiet` omits them: a time
#: stamp, or the login prompt, which the pattern does not consume.
KERNEL_RUNS = rb"[\r\n]\[ *\d+\.\d{6}\] |" + BOOTING_LINUX.encode() + rb" |(?=login: )"
# A prompt ends the board's output, except for a kernel message behind it. Shells colour it, and
# BusyBox asks for the position of the cursor after it.
STAMP = rb"\[ *\d+\.\d{6}\]"
ESCAPES = rb"(?:\x1b(?:\[[0-9;?]*[A-Za-z]|[78]) *)*"
END = rb" *" + ESCAPES + rb"(?:$|(?=" + STAMP + rb"))"
PASSWORD = rb"[Pp]assword(?: for [\w.-]{1,64})?:" + END
REFUSED = rb"Login incorrect|Authentication failure|Sorry, try again|incorrect password"
#: Other ends of a boot: pattern, meaning.
DEAD_ENDS = (
    (
        rb"\(initramfs\)" + END,
        "the boot ended in the initial ramdisk's shell: check root= and the driver of its device",
    ),
    (
        rb"Give root password for maintenance|Press Enter for maintenance",
        "the boot ended in emergency mode: a required file system or service failed",
    ),
    (
        rb"You are required to change your password|[Yy]our password has expired",
        "the board requires a new password before a login",
    ),
)


def kernel_pattern(start: str) -> bytes:
    """Return a pattern for a running kernel; `start` is the device file's `boot.kernel_start`."""
    return re.escape(start.encode()) + b"|" + KERNEL_RUNS


def wait_for_kernel(dialogue: Dialogue, boot: Boot, deadline: Deadline) -> None:
    """Wait for the kernel's first line."""
    dialogue.expect(
        [kernel_pattern(boot.kernel_start)],
        timeout=deadline.part(boot.kernel_timeout, "boot.kernel_timeout"),
        step=f"waited for the kernel's '{boot.kernel_start}' "
        "(check that the kernel fits the board, and that console= names this port)",
    )


def log_in(dialogue: Dialogue, login: Login, deadline: Deadline, fifo: int = 0) -> Shell:
    """Log in if there is a login prompt; return a shell that answers.

    `fifo`: see `connection.fifo`. Raises `BootError`.
    """
    limit = deadline.part(login.timeout, "login.timeout")
    _Login(dialogue, login).get_to_shell(limit)
    shell = Shell(dialogue, deadline, fifo)
    shell.prepare()
    return shell


class _Login:
    """Answers the prompts between the kernel and the shell."""

    def __init__(self, dialogue: Dialogue, login: Login) -> None:
        self._dialogue = dialogue
        self._login = login
        self._logins = 0
        prompt = re.escape(login.prompt.strip().encode()) + END
        ends = b"|".join(re.escape(text.rstrip().encode()) for text in login.shell_prompts)
        self._shell_prompt = rb"(?:^|[\r\n])[^\r\n]{0,200}(?:" + ends + rb")" + END
        dead_ends = [pattern for pattern, _ in DEAD_ENDS]
        self._patterns = [prompt, PASSWORD, self._shell_prompt, *dead_ends]

    def get_to_shell(self, limit: Deadline) -> None:
        """Return at a shell's prompt, after `login.commands`."""
        while limit.left and self._logins <= MAX_LOGINS:
            # Before a login, a boot script may print the same about something else.
            patterns = [*self._patterns, REFUSED] if self._logins else self._patterns
            before = self._dialogue.console.tail()
            found = self._dialogue.expect_or_none(patterns, timeout=min(limit.left, NUDGE_AFTER_S))
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
            elif _continues(self._dialogue):
                continue  # not a prompt
            elif found.index == 0:
                self._logins += 1
                self._dialogue.send(self._login.user.encode() + b"\n")
            elif found.index == 1:
                self._send_password()
            else:
                for command in self._login.commands:
                    self._run(command, limit)
                return
        if self._logins > MAX_LOGINS:
            raise self._error(
                f"the board asked {self._logins} times for a user: "
                "set login.user and login.password"
            )
        raise self._error(
            f"no login or shell prompt within {limit}: "
            f"check login.prompt ('{self._login.prompt}') and login.shell_prompts"
        )

    def _run(self, command: str, limit: Deadline) -> None:
        """Type one of `login.commands`; it may ask for the password, as `sudo su` does."""
        part = limit.part(COMMAND_TIMEOUT_S, "for one of login.commands")
        self._dialogue.send(command.encode() + b"\n")
        while True:
            found = self._dialogue.expect(
                [PASSWORD, self._shell_prompt, REFUSED],
                timeout=part,
                step=f"waited for a shell prompt after '{command}' of login.commands",
            )
            if found.index == 2:
                raise self._error(f"the board refused '{command}' of login.commands")
            if _continues(self._dialogue):
                continue
            if found.index == 1:
                return
            self._send_password()

    def _send_password(self) -> None:
        if self._login.password is None:
            raise self._error(
                f"the board asks for the password of '{self._login.user}': set login.password"
            )
        self._dialogue.send(self._login.password.encode() + b"\n")

    def _error(self, text: str) -> BootError:
        return BootError(self._dialogue.explain(text))


def _continues(dialogue: Dialogue) -> bool:
    """Return whether the line continues after an apparent prompt, except by a kernel message.

    This consumes the rest of the line only: the next line may be the real prompt.
    """
    line = dialogue.expect_or_none([rb"[^\r\n]*[\r\n]"], timeout=PROMPT_SILENCE_S)
    rest = line or dialogue.expect_or_none([rb"[^\r\n]+"], timeout=0.0)
    if rest is None:
        return False
    text = re.sub(ESCAPES, b"", rest.match.group())
    # On a slow line, the kernel's time stamp may be incomplete.
    return text != b"" and re.match(rb"[\r\n]?\[ *\d", text) is None
