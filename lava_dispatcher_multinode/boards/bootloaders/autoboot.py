"""Stops U-Boot's countdown, also if its text is garbled or missing.

Firmware that reports that it cannot start U-Boot ends the attempt.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from ...errors import BootError
from ..driver import CountdownMissed
from ..linux import BOOTING_LINUX
from . import u_boot_messages as messages
from .command_line import CTRL_C, continues, joined, lines, settle

if TYPE_CHECKING:
    from ...console.expect import Dialogue, Found
    from ...deadline import Deadline
    from ...lab.device_sections import Boot

SILENCE_S = 5.0  # without output, after which a key is sent without a countdown
SPAM_INTERVAL_S = 0.2  # between keys from power-on, if a countdown was missed
SAME_COUNTDOWN_S = 1.0  # a countdown's text that repeats within it is the same countdown
FAILED_S = 5.0  # after a failure of the firmware, for U-Boot to come from another medium


class Autoboot:
    """Stops one countdown; `prompt` is a pattern for U-Boot's prompt."""

    def __init__(self, dialogue: Dialogue, boot: Boot, prompt: bytes) -> None:
        self._dialogue = dialogue
        self._name = boot.interrupt
        self._stop = boot.interrupt_command.encode()
        texts = ("Starting kernel", BOOTING_LINUX, boot.kernel_start)
        missed = b"|".join(re.escape(text.encode()) for text in texts)
        self._patterns = [
            prompt,
            messages.countdown_pattern(boot.interrupt),
            missed + rb"|[\r\n][\w.-]{0,64} ?login: ",
            messages.GAVE_UP_PATTERN,
            messages.FAILED_PATTERN,
            messages.BANNER,
        ]

    def stop(self, deadline: Deadline, *, spam: bool) -> None:
        """Return at the prompt; with `spam`, send keys from the start, before any countdown.

        Raises `CountdownMissed` if a kernel starts, `BootError` at the deadline or when the
        firmware gives up.
        """
        stopped_at, sent_keys = 0.0, spam
        failed_at, failure = 0.0, b""
        before: list[str] = []
        while deadline.left:
            wait = SPAM_INTERVAL_S if spam else SILENCE_S
            found = self._dialogue.expect_or_none(self._patterns, timeout=min(wait, deadline.left))
            now = time.monotonic()
            if failure and now > failed_at + FAILED_S:
                raise self._firmware_error(failure)
            if found is None:
                tail = self._dialogue.console.tail()
                if spam or tail == before:
                    self._dialogue.send(self._stop or CTRL_C)
                    sent_keys = True
                before = tail
            elif found.index == 0:
                if sent_keys:
                    settle(self._dialogue)
                elif continues(self._dialogue):
                    continue
                return
            elif found.index == 2:
                raise self._missed_error(found.match.group().strip())
            elif found.index == 3:
                raise self._firmware_error(self._line(found))
            elif found.index == 4:
                failed_at, failure = now, self._line(found)
            elif found.index == 5:
                failure = b""
            elif now >= stopped_at + SAME_COUNTDOWN_S:
                # The countdown consumes the key that stops it: after one key, the board is at
                # an empty command line. After a second countdown that is not certain.
                keys = self._stop + CTRL_C if stopped_at else self._stop + b"\r"
                self._dialogue.send(keys)
                sent_keys = sent_keys or bool(stopped_at)
                stopped_at = now
        raise BootError(
            self._dialogue.explain(
                f"neither U-Boot's '{self._name}' nor its prompt within {deadline}: check that "
                "the power switch restarts this board, and boot.interrupt and boot.prompts"
            )
        )

    def _line(self, found: Found) -> bytes:
        """Return the line in which `found` is."""
        rest = self._dialogue.expect_or_none([rb"(?=[\r\n])"], timeout=1.0)
        line = found.before.rpartition(b"\n")[2] + found.match.group()
        return line + (rest.before if rest else b"")

    def _firmware_error(self, line: bytes) -> BootError:
        text = joined(lines(line))
        return BootError(
            self._dialogue.explain(
                f"the firmware cannot start: '{text}': check the card, and what its boot "
                "partition holds"
            )
        )

    def _missed_error(self, what: bytes) -> CountdownMissed:
        if what.endswith(b"login:"):
            text = "a login prompt appeared: check that the power switch restarts the board"
        else:
            text = f"check that this board prints boot.interrupt ('{self._name}')"
            if self._stop:
                text += ", and that boot.interrupt_command stops its countdown"
        return CountdownMissed(
            self._dialogue.explain(f"a kernel started before U-Boot could be stopped: {text}")
        )
