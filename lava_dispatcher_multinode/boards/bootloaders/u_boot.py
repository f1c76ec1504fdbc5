"""The U-Boot dialogue: stop the countdown, type commands, start the kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from ...errors import BootError
from ..linux import KERNEL_STARTS, kernel_pattern
from . import u_boot_messages as messages
from .autoboot import Autoboot
from .command_line import MIN_TYPING_ATTEMPTS, CommandLineLoader, continues, joined, lines

if TYPE_CHECKING:
    from ...console.expect import Dialogue, Found
    from ...deadline import Deadline
    from ...lab.device_sections import Boot
    from ..deploy.tftp_boot import NetworkBoot

TFTP_PORT = 69  # the default of U-Boot


class UBootLoader(CommandLineLoader):
    """One boot by U-Boot, from power-on to `Starting kernel`; see `driver.BootLoader`."""

    name: ClassVar[str] = "U-Boot"
    reset_command: ClassVar[str] = "reset"
    banners: ClassVar[tuple[str, ...]] = messages.BANNERS

    def __init__(self, dialogue: Dialogue, boot: Boot, deadline: Deadline) -> None:
        prompt = messages.prompt_pattern(boot.prompts, known=boot.known_prompts)
        super().__init__(dialogue, boot, deadline, prompt)
        self._has_status = True
        self._environment: dict[str, str] = {}  # the variables that this dialogue has set

    @staticmethod
    def check_command(command: str) -> None:
        """Raise `BootError` for a line that U-Boot would cut, or take for several."""
        size = len(command.encode())
        if size > messages.MAX_LINE_BYTES:
            raise BootError(
                f"U-Boot would cut the line '{command[:60]}...': it has {size} characters, and a "
                f"line has {messages.MAX_LINE_BYTES} at the most (CONFIG_SYS_CBSIZE): make it "
                "several, with setenv and run"
            )
        if not command.strip() or not command.isprintable():
            raise BootError(
                f"U-Boot cannot be typed {command!r}: an empty line repeats its last command, "
                "and control characters are commands of its line editor"
            )

    @staticmethod
    def seconds_for(command: str) -> float:
        """Return the time limit of `command` where the device file has none."""
        return messages.seconds_for(command)

    @staticmethod
    def network_commands(network: NetworkBoot) -> tuple[str, ...]:
        """Return the lines that fetch the files over TFTP and start the kernel."""
        tftp, files = network.settings, network.files
        lines = [*tftp.setup, f"setenv serverip {network.host}"]
        if tftp.port != TFTP_PORT:
            lines.append(f"setenv tftpdstp {tftp.port}")
        lines += [f"tftpboot {file.address} {file.path}" for file in files.values()]
        if tftp.bootargs:
            lines.append(f"setenv bootargs '{tftp.bootargs}'")
        addresses = [files[name].address if name in files else "-" for name in ("ramdisk", "dtb")]
        rest = " ".join([files["kernel"].address, *addresses]).rstrip(" -")
        return (*lines, f"{network.start} {rest}")

    def interrupt(self, *, spam: bool = False) -> None:
        """Stop the countdown and get the prompt; with `spam`, send keys from power-on."""
        limit = self._deadline.part(self._boot.autoboot_timeout, "boot.autoboot_timeout")
        Autoboot(self._dialogue, self._boot, self._prompt).stop(limit, spam=spam)

    def run(self, command: str) -> None:
        """Run one command; `BootError` if its status or its output shows a failure."""
        limit = self._type(command)
        patterns = [messages.FATAL_PATTERN, self._restart_pattern(command), self._prompt]
        found = self._expect_prompt(patterns, command, limit)
        while found.index == 2 and messages.prints(command) and continues(self._dialogue):
            found = found.then(self._expect_prompt(patterns, command, limit))
        if found.index == 0:
            raise self._fatal_error(command, found)
        if found.index == 1:
            raise self._restart_error(command, found)
        status = self._status() if messages.status_counts(command) else None
        if status or messages.failures(command, found.before):
            raise self._command_error(command, status, found.before)
        if variable := messages.setting(command):
            self._environment.update([variable])

    def start(self, command: str) -> bool:
        """Run the command that boots; return when the kernel starts.

        Return whether its first line has been seen already.
        """
        limit = self._type(command)
        patterns = [
            messages.FATAL_PATTERN,
            self._prompt,
            kernel_pattern(self._boot.kernel_start),
            KERNEL_STARTS,
            self._restart_pattern(command),
        ]
        step = f"waited for 'Starting kernel' after '{command}'"
        found = self._dialogue.expect(patterns, timeout=limit, step=step)
        while found.index == 1 and not self._is_prompt():
            found = found.then(self._dialogue.expect(patterns, timeout=limit, step=step))
        if found.index == 0:
            raise self._fatal_error(command, found)
        if found.index == 1:
            raise self._no_kernel_error(command, found.before)
        if found.index == 4:
            raise self._restart_error(command, found)
        # After a failed load, this is the kernel of an earlier boot that is still in memory.
        executed = self._environment.get(messages.variable(command) or "", command)
        if messages.loads(executed) and messages.failures(executed, found.before):
            raise self._command_error(command, None, found.before)
        return found.index == 2

    def _status(self) -> int | None:
        """Return the status of the last command; None if U-Boot's shell has none."""
        if not self._has_status:
            return None
        question = messages.ASK_STATUS
        for _ in range(MIN_TYPING_ATTEMPTS):
            limit = self._type(question)
            answer = self._expect_prompt([self._prompt], question, limit).before
            if found := messages.STATUS.search(answer):
                return int(found[1])
            if messages.NO_STATUS.search(answer):
                self._has_status = False
                return None
            question = messages.ASK_STATUS_AGAIN
        raise BootError(
            self._dialogue.explain(
                "U-Boot: the status of the last command came garbled "
                f"{MIN_TYPING_ATTEMPTS} times: the line may lose characters; "
                "set connection.character_delay"
            )
        )

    def _restart_pattern(self, command: str) -> bytes:
        """Return what shows an unwanted restart of the board during `command`."""
        never = rb"(?!)"
        wanted = messages.RESTARTS.search(command) is not None
        return never if wanted else messages.restarted_pattern(self._boot.interrupt)

    def _restart_error(self, command: str, found: Found) -> BootError:
        output = joined(lines(found.before))
        reason = "the board started again"
        return self._error(command, f"{reason}: {output}" if output else reason)

    def _fatal_error(self, command: str, found: Found) -> BootError:
        rest = self._dialogue.expect_or_none([rb"[\r\n]"], timeout=1.0)
        output = found.before + found.match.group() + (rest.before if rest else b"")
        return self._error(command, joined(messages.errors(output)))

    def _no_kernel_error(self, command: str, output: bytes) -> BootError:
        """Return the error of a boot command that came back to the prompt."""
        errors = messages.errors(output)
        if len(errors) > 1 and messages.SEARCHES.search(command):
            reason = f"it found nothing to boot; its last error: {joined(errors[-1:])}"
        elif errors:
            reason = joined(errors)
        else:
            reason = "it came back to the prompt without starting a kernel"
        return self._error(command, reason)

    def _command_error(self, command: str, status: int | None, output: bytes) -> BootError:
        """Return the error of a failed command; it quotes U-Boot."""
        reason = joined(messages.errors(output) or lines(output))
        if messages.USAGE.search(output):
            reason = "it printed its usage: a variable in it may be unset"
        if status:
            reason = (
                f"{reason} (status {status})" if reason else f"status {status}, without output"
            )
        return self._error(command, reason)
