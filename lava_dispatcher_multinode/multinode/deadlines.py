"""Things that become due, soonest first; knows no clock, times are passed in."""

from __future__ import annotations

import heapq
from heapq import heappush
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator

Key = TypeVar("Key", bound="Hashable")

#: A heap may hold this many entries that no longer count before it is rebuilt.
SLACK = 64


def soonest(all_: Iterable[Deadlines[Any]], due: float | None = None) -> float | None:
    """Return the first deadline of all of them, and `due`; None if there is none."""
    for deadlines in all_:
        if deadlines.heap and (one := deadlines.next()) is not None and (due is None or one < due):
            due = one
    return due


class Deadlines(Generic[Key]):
    """One deadline per key (seconds on the caller's clock)."""

    def __init__(self) -> None:
        self._due: dict[Key, tuple[float, int, Key]] = {}  # what is valid in the heap
        self.heap: list[tuple[float, int, Key]] = []  # all that is valid, and more
        self._serial = 0  # orders equal times

    def __len__(self) -> int:
        return len(self._due)

    def __contains__(self, key: Key) -> bool:
        return key in self._due

    def set(self, key: Key, when: float) -> None:
        """Make `key` due at `when`, whatever it was before."""
        self._serial += 1
        entry = self._due[key] = (when, self._serial, key)
        heap = self.heap
        heappush(heap, entry)
        if len(heap) > 2 * len(self._due) + SLACK:
            self.heap = list(self._due.values())
            heapq.heapify(self.heap)

    def discard(self, key: Key) -> None:
        """Forget `key`, if it is known."""
        if self._due.pop(key, None) is not None and not self._due:
            self.heap.clear()  # else `next` would have to take out one by one

    def next(self) -> float | None:
        """Return the soonest deadline, or None."""
        while self.heap:
            entry = self.heap[0]
            if self._due.get(entry[2]) is entry:
                return entry[0]
            heapq.heappop(self.heap)
        return None

    def expired(self, now: float) -> Iterator[Key]:
        """Yield and forget every key that is due at `now`, soonest first."""
        while (when := self.next()) is not None and when <= now:
            key = heapq.heappop(self.heap)[2]
            del self._due[key]
            yield key
