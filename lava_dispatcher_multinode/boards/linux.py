"""From the start of the kernel to a shell: kernel messages, login, boots that end elsewhere."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ..errors import BootError
from ..redaction import HIDDEN
from .shell import Shell

if TYPE_CHECKING:
    from ..console.expect import Dialogue, Found
    from ..deadline import Deadline
    from ..lab.device_sections import Boot, Login

PROMPT_SILENCE_S = 0.3  # without output, after which an end of line is a prompt
NUDGE_AFTER_S = 5.0  # without output, after which a line end repeats a hidden prompt
NUDGE_WAITS = 3  # of this length without a prompt, after which output does not matter
COMMAND_TIMEOUT_S = 30.0  # for one of login.commands
MAX_LOGINS = 5
KERNEL_STARTS = rb"Starting kernel"  # as a boot loader prints it
BOOTING_LINUX = "Booting Linux on"
#: Shows that a kernel runs, also if its first lines come garbled or `quiet` omits them: a time
#: stamp, or the login prompt, which the pattern does not consume.
KERNEL_RUNS = rb"[\r\n]\[ *\d+\.\d{6}\] |" + BOOTING_LINUX.encode() + rb" |(?=login: )"
# A prompt ends the board's output, except for a kernel message behind it.
STAMP = rb"\[ *\d+\.\d{6}\]"
END = rb" *\r?(?:$|(?=" + STAMP + rb"))"
PASSWORD = rb"[Pp]assword(?: for [\w.-]{1,64})?:"
REFUSED = rb"Login incorrect|Authentication failure|Sorry, try again|incorrect password"
#: Other ends of a boot: pattern, meaning.
DEAD_ENDS = (
    (
        rb"\(initramfs\)" + END + rb"|[\r\n]initial root: cannot mount ",
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
        self._sent_password = False
        self._waits = 0  # without a prompt
        prompt = re.escape(login.prompt.strip().encode()) + END
        ends = b"|".join(re.escape(text.rstrip().encode()) for text in login.shell_prompts)
        self._shell_prompt = rb"(?:^|[\r\n])[^\r\n]{0,200}(?:" + ends + rb")" + END
        dead_ends = [pattern for pattern, _ in DEAD_ENDS]
        self._password = _password_pattern(login)
        self._patterns = [prompt, self._password, self._shell_prompt, *dead_ends]

    def get_to_shell(self, limit: Deadline) -> None:
        """Return at a shell's prompt, after `login.commands`."""
        while limit.left and self._logins <= MAX_LOGINS:
            # Before a login, a boot script may print the same about something else.
            patterns = [*self._patterns, REFUSED] if self._logins else self._patterns
            found = self._expect_prompt(patterns, limit)
            if found is None:
                continue
            if found.index == len(self._patterns):
                raise self._error(
                    f"the board refused the login of '{self._login.user}': "
                    "set login.user and login.password"
                )
            if found.index > 2:
                raise self._error(DEAD_ENDS[found.index - 3][1])
            if _continues(self._dialogue):
                self._waits = NUDGE_WAITS - 1  # not a prompt, or one that a message hides
            elif found.index == 0:
                self._logins += 1
                self._dialogue.send(self._login.user.encode() + b"\n")
                self._waits = -1  # a line end would be an empty password
            elif found.index == 1:
                self._send_password()
            else:
                for command in self._login.commands:
                    self._run(command, limit)
                return
        if self._logins > MAX_LOGINS:
            keys = "login.user and login.password"
            if self._login.password and not self._sent_password:
                keys += ", and login.password_prompt: it never came"
            raise self._error(f"the board asked {self._logins} times for a user: set {keys}")
        last = "".join(self._dialogue.console.tail()[-1:])
        if self._logins and not last.rstrip().endswith(self._login.prompt.strip()):
            raise self._unknown_prompt_error(limit)
        raise self._error(
            f"no login or shell prompt within {limit}: "
            f"check login.prompt ('{self._login.prompt}') and login.shell_prompts"
        )

    def _expect_prompt(self, patterns: list[bytes], limit: Deadline) -> Found | None:
        """Wait for one of `patterns`; None after sending a line end, or at `limit`.

        A kernel message may have hidden the prompt. A line end repeats it, but in a boot that
        still prints it would be the answer to a later question.
        """
        while limit.left:
            before = self._dialogue.console.tail()
            wait = min(limit.left, NUDGE_AFTER_S)
            found = self._dialogue.expect_or_none(patterns, timeout=wait)
            if found is not None:
                return found
            self._waits += 1
            silent = self._waits > 0 and self._dialogue.console.tail() == before
            if silent or self._waits >= NUDGE_WAITS:
                self._dialogue.send(b"\n")
                self._waits = 0
                break
        return None

    def _run(self, command: str, limit: Deadline) -> None:
        """Type one of `login.commands`; it may ask for the password, as `sudo su` does."""
        part = limit.part(COMMAND_TIMEOUT_S, "for one of login.commands")
        self._dialogue.send(command.encode() + b"\n")
        while True:
            found = self._dialogue.expect(
                [self._password, self._shell_prompt, REFUSED],
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
        self._sent_password = True

    def _unknown_prompt_error(self, limit: Deadline) -> BootError:
        last = self._redacted("".join(self._dialogue.console.tail()[-1:]))
        user, keys = self._login.user, "login.shell_prompts"
        if self._sent_password:
            event = f"the board accepted the login of '{user}', but no shell prompt came"
        else:
            event = f"after the user '{user}', neither a password prompt nor a shell prompt came"
            keys += " or login.password_prompt"
        return self._error(f"{event} within {limit}; the last line is '{last}': set {keys}")

    def _error(self, text: str) -> BootError:
        shown = self._dialogue.explain(text)
        return BootError(text + self._redacted(shown.removeprefix(text)))

    def _redacted(self, text: str) -> str:
        """Return output of the board without the password, which it may have echoed."""
        password = self._login.password
        return text.replace(password, HIDDEN) if password else text


def _password_pattern(login: Login) -> bytes:
    own = login.password_prompt
    return (re.escape(own.strip().encode()) if own else PASSWORD) + END


def _continues(dialogue: Dialogue) -> bool:
    """Return whether the line continues after an apparent prompt, except by a kernel message.

    This consumes the rest of the line only: the next line may be the real prompt.
    """
    line = dialogue.expect_or_none([rb"[^\r\n]*[\r\n]"], timeout=PROMPT_SILENCE_S)
    rest = line or dialogue.expect_or_none([rb"[^\r\n]+"], timeout=0.0)
    if rest is None:
        return False
    # On a slow line, the kernel's time stamp may be incomplete.
    return re.match(rb"[\r\n]?\[ *\d", rest.match.group()) is None
