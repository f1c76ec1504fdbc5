"""From power-on to U-Boot's prompt, also where the countdown is garbled or never seen."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from ...errors import BootError
from .u_boot_messages import countdown_pattern

if TYPE_CHECKING:
    from ...console.expect import Dialogue
    from ...deadline import Deadline
    from ...lab.device_model import Boot

QUIET = 5.0  # seconds without news after which a key is pressed on suspicion
PRESS_EVERY = 0.2  # seconds between keys from power-on, where the countdown was missed
AGAIN = 1.0  # seconds in which a countdown's text that comes again is the same countdown
SETTLED = 0.3  # seconds of silence after the last key's answer
#: Stops a countdown as any key does, and nowhere does it start anything: at a
#: prompt it makes a new line, where an empty one would repeat the last command.
CTRL_C = b"\x03"


class CountdownMissed(BootError):
    """A kernel runs already: only a power cycle helps."""


class Autoboot:
    """Stops one countdown; `prompt` is the pattern of U-Boot's prompt."""

    def __init__(self, dialogue: Dialogue, boot: Boot, prompt: bytes) -> None:
        self._dialogue = dialogue
        self._name = boot.interrupt
        self._stop = boot.interrupt_command.encode()
        texts = filter(None, ("Starting kernel", "Booting Linux on", boot.kernel_start))
        missed = b"|".join(re.escape(text.encode()) for text in texts)
        self._patterns = [
            prompt,
            countdown_pattern(boot.interrupt),
            missed + rb"|[\r\n][\w.-]{0,64} ?login: ",
        ]

    def stop(self, deadline: Deadline, *, press: bool) -> None:
        """Return at the prompt; `press` keys from the start, without waiting for a countdown."""
        told, pressed = 0.0, press
        before: list[str] = []
        while deadline.left:
            wait = PRESS_EVERY if press else QUIET
            found = self._dialogue.expect_or_none(self._patterns, timeout=min(wait, deadline.left))
            now = time.monotonic()
            if found is None:
                tail = self._dialogue.console.tail()
                if press or tail == before:
                    self._dialogue.send(self._stop or CTRL_C)
                    pressed = True
                before = tail
            elif found.index == 0:
                if pressed:
                    self._settle()
                return
            elif found.index == 2:
                raise self._missed(found.match.group().strip())
            elif now >= told + AGAIN:
                # The key that stops the countdown is eaten with it: one, and the board
                # is at an empty command line. Of a second countdown that is not sure.
                again = self._stop + CTRL_C if told else self._stop + b"\r"
                self._dialogue.send(again)
                pressed = pressed or bool(told)
                told = now
        raise BootError(
            self._dialogue.explain(
                f"waited for U-Boot's '{self._name}' or its prompt: nothing like it within "
                f"{deadline}: does the power switch restart this board, and what does it print? "
                "See boot.interrupt and boot.prompts"
            )
        )

    def _settle(self) -> None:
        """Get to an empty command line when all the keys have been answered."""
        self._dialogue.send(CTRL_C)
        over = time.monotonic() + 10 * SETTLED
        while time.monotonic() < over:
            if self._dialogue.expect_or_none([rb"(?s).+"], timeout=SETTLED) is None:
                return

    def _missed(self, what: bytes) -> CountdownMissed:
        if what.endswith(b"login:"):
            text = "a login prompt came instead: did the power switch restart the board?"
        else:
            text = f"is boot.interrupt what this board prints? It is '{self._name}'"
            if self._stop:
                text += ", and boot.interrupt_command what stops it"
        return CountdownMissed(
            self._dialogue.explain(f"a kernel started before U-Boot could be stopped: {text}")
        )
