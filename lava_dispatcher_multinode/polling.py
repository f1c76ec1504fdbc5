"""poll(2) for file descriptors; select(2) is limited to descriptors below 1024."""

from __future__ import annotations

import select
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def wait_readable(descriptors: Iterable[int], seconds: float | None = None) -> set[int]:
    """Return the readable descriptors, none after `seconds` without one (None: wait)."""
    poll = select.poll()
    for descriptor in descriptors:
        poll.register(descriptor, select.POLLIN)
    return {ready for ready, _ in poll.poll(None if seconds is None else seconds * 1000)}
