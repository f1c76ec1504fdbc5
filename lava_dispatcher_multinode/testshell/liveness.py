"""Whether a board that says nothing still lives: when to ask it, and when it is dead."""

from __future__ import annotations

import math

#: Time between two pings: the line may lose one.
PING_INTERVAL_S = 5.0
#: The longest time that a board has to answer.
MAX_PING_TIMEOUT_S = 60.0
#: The shortest, which applies at the tests' deadline.
MIN_PING_TIMEOUT_S = 3.0
#: The time after a prompt: usually no process is left that could answer.
PROMPT_PING_TIMEOUT_S = 15.0
#: Each board is pinged this long before the deadline, to tell a dead board from a slow test.
FINAL_PING_LEAD_S = 10.0


class LivenessMonitor:
    """Watches the clock of one board, without input or output; times as time.monotonic().

    `silence` is the device file's, in seconds; 0: it is never asked. Any byte of
    the board is a sign of life.
    """

    def __init__(self, silence: float, deadline: float, now: float) -> None:
        self._silence = silence
        self._deadline = deadline
        self._heard = now
        self._asked_first: float | None = None  # since it was last heard
        self._asked_last = -math.inf
        self._unanswered: float | None = None  # since when the channel has not answered
        self._prompt: float | None = None  # when a prompt came that is not explained yet

    def heard(self, now: float) -> None:
        """Take note of a sign of life."""
        self._heard = now
        self._asked_first = None

    def answered(self) -> None:
        """Take note that the channel has answered, which is more than a sign of life."""
        self._unanswered = None
        if self._prompt is not None and self._asked_last >= self._prompt:
            self._prompt = None

    def prompted(self, now: float) -> None:
        """Take note of a prompt, or of what looks like one: the runner may have ended."""
        if self._prompt is None:
            self._prompt = now

    def silent_for(self, now: float) -> float:
        """Return how long it has said nothing, in seconds."""
        return now - self._heard

    def due(self) -> float:
        """Return when to ask it next."""
        if self._prompt is not None:
            return max(self._prompt, self._asked_last + PING_INTERVAL_S)
        if not self._silence:
            return math.inf
        if self._unanswered is not None:
            return self._asked_last + PING_INTERVAL_S
        at_deadline = self._deadline - FINAL_PING_LEAD_S
        if self._asked_last >= at_deadline:
            at_deadline = max(at_deadline, self._heard + FINAL_PING_LEAD_S / 2)
        return max(
            min(self._heard + self._silence, at_deadline), self._asked_last + PING_INTERVAL_S
        )

    def asked(self, now: float) -> None:
        """Take note that it is asked now."""
        self._asked_last = now
        if self._asked_first is None:
            self._asked_first = now
        if self._unanswered is None:
            self._unanswered = now

    def runner_gone(self, now: float) -> bool:
        """Whether the console lives, but the channel does not answer: the runner was killed."""
        if self._unanswered is None:
            return False
        if now >= self._deadline:
            return now >= self._unanswered + MIN_PING_TIMEOUT_S
        if self._prompt is not None and self._asked_last >= self._prompt:
            patience = min(
                PROMPT_PING_TIMEOUT_S,
                max(self._silence or PROMPT_PING_TIMEOUT_S, MIN_PING_TIMEOUT_S),
            )
            return now >= max(self._unanswered, self._prompt) + patience
        return now >= self._unanswered + MAX_PING_TIMEOUT_S

    def board_dead(self, now: float) -> bool:
        """Whether it had time enough to answer."""
        if self._asked_first is None:
            return False
        waited = now - self._asked_first
        if now >= self._deadline:
            return waited >= MIN_PING_TIMEOUT_S
        return waited >= min(MAX_PING_TIMEOUT_S, max(self._silence, MIN_PING_TIMEOUT_S))

    def dead_at(self) -> float:
        """Return when `board_dead` is to be asked at the latest, short of the deadline."""
        if self._asked_first is None:
            return math.inf
        return self._asked_first + min(MAX_PING_TIMEOUT_S, max(self._silence, MIN_PING_TIMEOUT_S))
