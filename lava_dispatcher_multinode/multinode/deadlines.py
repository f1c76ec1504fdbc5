"""Deadlines by key, soonest first; times are passed in, there is no clock here."""

from __future__ import annotations

import heapq
from heapq import heappush
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator

Key = TypeVar("Key", bound="Hashable")

#: A heap is rebuilt when it holds so many stale entries, beside as many as there are valid ones.
MAX_STALE_ENTRIES = 64


def soonest(all_: Iterable[Deadlines[Any]], due: float | None = None) -> float | None:
    """Return the soonest of all these deadlines and `due`; None if there is none."""
    for deadlines in all_:
        if deadlines.heap and (one := deadlines.next()) is not None and (due is None or one < due):
            due = one
    return due


class Deadlines(Generic[Key]):
    """At most one deadline per key, in seconds on the caller's clock."""

    def __init__(self) -> None:
        self._due: dict[Key, tuple[float, int, Key]] = {}  # the valid entries of the heap
        self.heap: list[tuple[float, int, Key]] = []  # all valid entries, and stale ones
        self._serial = 0  # orders equal times

    def __len__(self) -> int:
        return len(self._due)

    def __contains__(self, key: Key) -> bool:
        return key in self._due

    def set(self, key: Key, when: float) -> None:
        """Set the deadline of `key`; it replaces an earlier one."""
        self._serial += 1
        entry = self._due[key] = (when, self._serial, key)
        heap = self.heap
        heappush(heap, entry)
        if len(heap) > 2 * len(self._due) + MAX_STALE_ENTRIES:
            self.heap = list(self._due.values())
            heapq.heapify(self.heap)

    def discard(self, key: Key) -> None:
        """Remove the deadline of `key`, if it has one."""
        if self._due.pop(key, None) is not None and not self._due:
            self.heap.clear()  # `next` would remove the stale entries one by one

    def next(self) -> float | None:
        """Return the soonest deadline, or None."""
        while self.heap:
            entry = self.heap[0]
            if self._due.get(entry[2]) is entry:
                return entry[0]
            heapq.heappop(self.heap)
        return None

    def expired(self, now: float) -> Iterator[Key]:
        """Remove and yield every key that is due at `now`, soonest first."""
        while (when := self.next()) is not None and when <= now:
            key = heapq.heappop(self.heap)[2]
            del self._due[key]
            yield key
