"""Holding the boards of a job: all or nothing, safe between commands and users."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..errors import BoardsUnavailable
from .allocation import BoardsBusy, assign
from .enough import check_enough
from .lockfiles import LockFile, holders, lock_directory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from .allocation import Requirement
    from .device_files import Lab
    from .device_model import Device

    Assignment = dict[Requirement, Device]

PLANNING = 10.0  # seconds that the planning of others may take; it takes milliseconds


@contextmanager
def hold(
    lab: Lab,
    needed: Sequence[Requirement],
    job_name: str,
    wait: float = 0.0,
    *,
    directory: Path | None = None,
    waiting: Callable[[str], None] = lambda _: None,
    locked: Callable[[int], None] = lambda _: None,
) -> Iterator[Assignment]:
    """Hold a device of the lab for each requirement, for as long as the context lasts.

    While the boards are busy, wait up to `wait` seconds; `waiting` is told
    each time why; `locked` gets the descriptor of each lock, to hold it elsewhere
    too. `directory` has the locks (default: `lock_directory()`).

    Raises `BoardsBusy` when the time is over, other `BoardsUnavailable` or
    `InvalidJob` at once when waiting cannot help.
    """
    check_enough(lab, needed)
    directory = directory or lock_directory()
    deadline = time.monotonic() + wait
    watch = _Watch(directory)
    while True:
        watch.begin()
        try:
            assignment, locks = _take(lab, needed, job_name, directory)
            break
        except BoardsBusy as busy:
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                raise
            waiting(str(busy))
            if not watch.wait(busy.devices, remaining):
                raise
    try:
        for lock in locks:
            locked(lock.descriptor)
        yield assignment
    finally:
        for lock in locks:
            lock.release()


def _take(
    lab: Lab, needed: Sequence[Requirement], job_name: str, directory: Path
) -> tuple[Assignment, list[LockFile]]:
    """Plan and lock in one go: nobody takes a board in between, or sees half of it."""
    useful = [device.name for device in lab.devices if any(r.accepts(device) for r in needed)]
    with _planning(directory):
        while True:
            held = {name: str(holder) for name, holder in holders(directory, useful).items()}
            assignment = assign(needed, lab.devices, held)
            locks: list[LockFile] = []
            for name in sorted(device.name for device in assignment.values()):
                lock = LockFile(directory, name)
                if not lock.take(job_name):
                    break
                locks.append(lock)
            else:
                return assignment, locks
            # Somebody locks boards without planning, by other means: give back and look again.
            for lock in locks:
                lock.release()


@contextmanager
def _planning(directory: Path) -> Iterator[None]:
    """Be the only one on this host who decides about boards."""
    from filelock import FileLock, Timeout

    mutex = FileLock(directory / ".planning", timeout=PLANNING, mode=0o666)
    try:
        context: AbstractContextManager[object] = mutex.acquire()
    except Timeout as error:
        raise BoardsUnavailable(
            f"another command has been choosing boards for {PLANNING:g} seconds: "
            f"see who has {directory / '.planning'} open"
        ) from error
    except OSError as error:
        raise BoardsUnavailable(f"boards cannot be locked: {error}") from error
    with context:
        yield


class _Watch:
    """Wakes up when one of several boards is released.

    A thread for each board blocks in flock, which has no limit of its own; one
    that is no longer of interest ends when its board is released, or with the
    process.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._released = threading.Event()
        self._watched: set[str] = set()

    def begin(self) -> None:
        """Forget releases until now; those from now on count."""
        self._released.clear()

    def wait(self, names: Iterable[str], seconds: float) -> bool:
        """Return True when one of `names` is or was released, False after `seconds`."""
        for name in sorted(set(names) - self._watched):
            self._watched.add(name)
            threading.Thread(
                target=self._watch, args=(name,), name=f"watch {name}", daemon=True
            ).start()
        return self._released.wait(seconds)

    def _watch(self, name: str) -> None:
        LockFile(self._directory, name).wait()
        self._watched.discard(name)  # first: who wakes up may want to watch it again
        self._released.set()
