"""Detects the prompt or mark that a board prints when its shell or its test runner has ended."""

from __future__ import annotations

import re

from .. import shell_markers

#: Typed behind the runner's command: the shell prints a mark and the exit code.
ECHO_RUNNER_ENDED = f"echo {shell_markers.RUNNER_ENDED} $?"
#: Earlier output that is kept, since a prompt may arrive in pieces.
WINDOW_BYTES = 128


class PromptWatch:
    """Finds the login prompt at the start of a line, and the shell's mark, in a stream.

    A test may print the same text: a match is a reason to ping the board, not a proof.
    """

    def __init__(self, login_prompt: str) -> None:
        # The search is limited to text with one of these words.
        self._words = (login_prompt.strip().encode(), shell_markers.RUNNER_ENDED.encode())
        prompt = rb"[\r\n][\w.-]{0,64} ?" + re.escape(self._words[0])
        self._pattern = re.compile(prompt + rb"|" + re.escape(self._words[1]) + rb" \d{1,3}")
        self._before = b""

    def feed(self, data: bytes) -> bool:
        """Return whether `data` completes a prompt or a mark."""
        window = self._before + data
        there = any(words in window for words in self._words)
        found = self._pattern.search(window) if there else None
        self._before = window[found.end() if found else 0 :][-WINDOW_BYTES:]
        return found is not None
