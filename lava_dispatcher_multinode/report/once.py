"""Long sentences that are the reason of many nodes, as a deadlock's is: said once.

Where each node has its row, the first words stand for the sentence.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .failures import LONG, call
from .safe_text import clip, without_call

if TYPE_CHECKING:
    from .results import Results

SHORT = 40  # columns of the first words


class Shared:
    """The sentences of a run for which calls of more than one node failed."""

    def __init__(self, results: Results) -> None:
        nodes: dict[str, set[str]] = {}
        for node in results.nodes.values():
            for wait in node.failed_waits:
                sentence = without_call(wait.reason, call(wait))
                if len(sentence) > LONG:
                    nodes.setdefault(sentence, set()).add(node.name)
        self._sentences = {sentence for sentence, names in nodes.items() if len(names) > 1}

    def split(self, text: str) -> tuple[str, str]:
        """Return what stands before the sentence in `text`, a call as a rule, and the sentence.

        That is empty where `text` does not end in one of them.
        """
        head, colon, rest = text.partition(": ")
        if text in self._sentences:
            return "", text
        return (head + colon, rest) if rest in self._sentences else (text, "")

    def brief(self, text: str) -> str:
        """Return `text` with the first words of its sentence, for a row of many."""
        head, sentence = self.split(text)
        if not sentence:
            return text
        return head + clip(f"{sentence.partition(': ')[0]}: ..", SHORT)
