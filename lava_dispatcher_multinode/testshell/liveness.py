"""Liveness of a board during tests: when to ping it, and when it counts as dead."""

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
    """Decides on pings and timeouts of one board; it does no I/O.

    Times are those of time.monotonic(). `silence` (seconds) is the time without output until
    the board is pinged; 0 disables that. Every byte of the board is a sign of life.
    """

    def __init__(self, silence: float, deadline: float, now: float) -> None:
        self._silence = silence
        self._deadline = deadline
        self._heard = now
        self._first_ping: float | None = None  # since the last byte
        self._last_ping = -math.inf
        self._unanswered: float | None = None  # since when the channel has not answered
        self._prompt: float | None = None  # when an unexplained prompt appeared

    def heard(self, now: float) -> None:
        """Record a sign of life."""
        self._heard = now
        self._first_ping = None

    def answered(self) -> None:
        """Record an answer of the channel: the runner works."""
        self._unanswered = None
        if self._prompt is not None and self._last_ping >= self._prompt:
            self._prompt = None

    def prompted(self, now: float) -> None:
        """Record text that looks like a prompt: the runner may have ended."""
        if self._prompt is None:
            self._prompt = now

    def silent_for(self, now: float) -> float:
        """Return the seconds since the last byte."""
        return now - self._heard

    def due(self) -> float:
        """Return when to send the next ping."""
        if self._prompt is not None:
            return max(self._prompt, self._last_ping + PING_INTERVAL_S)
        if not self._silence:
            return math.inf
        if self._unanswered is not None:
            return self._last_ping + PING_INTERVAL_S
        at_deadline = self._deadline - FINAL_PING_LEAD_S
        if self._last_ping >= at_deadline:
            at_deadline = max(at_deadline, self._heard + FINAL_PING_LEAD_S / 2)
        return max(
            min(self._heard + self._silence, at_deadline), self._last_ping + PING_INTERVAL_S
        )

    def pinged(self, now: float) -> None:
        """Record a ping."""
        self._last_ping = now
        if self._first_ping is None:
            self._first_ping = now
        if self._unanswered is None:
            self._unanswered = now

    def runner_gone(self, now: float) -> bool:
        """Return whether the board prints, but its runner does not answer: it was killed."""
        if self._unanswered is None:
            return False
        if now >= self._deadline:
            return now >= self._unanswered + MIN_PING_TIMEOUT_S
        if self._prompt is not None and self._last_ping >= self._prompt:
            timeout = min(
                PROMPT_PING_TIMEOUT_S,
                max(self._silence or PROMPT_PING_TIMEOUT_S, MIN_PING_TIMEOUT_S),
            )
            return now >= max(self._unanswered, self._prompt) + timeout
        return now >= self._unanswered + MAX_PING_TIMEOUT_S

    def board_dead(self, now: float) -> bool:
        """Return whether a silent board has not answered a ping in time."""
        if self._first_ping is None:
            return False
        waited = now - self._first_ping
        if now >= self._deadline:
            return waited >= MIN_PING_TIMEOUT_S
        return waited >= min(MAX_PING_TIMEOUT_S, max(self._silence, MIN_PING_TIMEOUT_S))

    def dead_at(self) -> float:
        """Return when `board_dead` becomes true without a sign of life, deadline aside."""
        if self._first_ping is None:
            return math.inf
        return self._first_ping + min(MAX_PING_TIMEOUT_S, max(self._silence, MIN_PING_TIMEOUT_S))
