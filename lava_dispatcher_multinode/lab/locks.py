"""Holds the boards of a job: all or nothing, safe between processes and users."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..errors import BoardsUnavailable
from .allocation import BoardsBusy, assign, check_capacity
from .lockfiles import LockFile, holders, lock_directory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from .allocation import Requirement
    from .device_files import Lab
    from .device_model import Device

    Assignment = dict[Requirement, Device]

PLANNING_TIMEOUT_S = 10.0  # for the allocation of another process; it takes milliseconds


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
    """Hold a device of the lab for each requirement while the context lasts.

    If the boards are busy, wait up to `wait` seconds; `waiting` gets the reason of each wait.
    `locked` gets the descriptor of each lock, so that another process can hold it, too.
    `directory` contains the locks (default: `lock_directory()`).

    Raises `BoardsBusy` after `wait` seconds; other `BoardsUnavailable`, or `InvalidJob`, at
    once if waiting cannot help.
    """
    check_capacity(lab, needed)
    directory = directory or lock_directory()
    deadline = time.monotonic() + wait
    watcher = _ReleaseWatcher(directory)
    while True:
        watcher.begin()
        try:
            assignment, locks = _lock_assignment(lab, needed, job_name, directory)
            break
        except BoardsBusy as busy:
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                raise
            waiting(str(busy))
            if not watcher.wait(busy.devices, remaining):
                raise
    try:
        for lock in locks:
            locked(lock.descriptor)
        yield assignment
    finally:
        for lock in locks:
            lock.release()


def _lock_assignment(
    lab: Lab, needed: Sequence[Requirement], job_name: str, directory: Path
) -> tuple[Assignment, list[LockFile]]:
    """Allocate and lock in one step, which other processes see as a whole or not at all."""
    useful = [device.name for device in lab.devices if any(r.accepts(device) for r in needed)]
    with _planning(directory):
        while True:
            held = {name: str(holder) for name, holder in holders(directory, useful).items()}
            assignment = assign(needed, lab.devices, held)
            locks: list[LockFile] = []
            for name in sorted(device.name for device in assignment.values()):
                lock = LockFile(directory, name)
                if not lock.acquire(job_name):
                    break
                locks.append(lock)
            else:
                return assignment, locks
            # A process locked a board without planning: release all and start again.
            for lock in locks:
                lock.release()


@contextmanager
def _planning(directory: Path) -> Iterator[None]:
    """Exclude every other allocation on this host while the context lasts."""
    from filelock import FileLock, Timeout

    mutex = FileLock(directory / ".planning", timeout=PLANNING_TIMEOUT_S, mode=0o666)
    try:
        context: AbstractContextManager[object] = mutex.acquire()
    except Timeout as error:
        raise BoardsUnavailable(
            f"another process has been allocating boards for {PLANNING_TIMEOUT_S:g} seconds: "
            f"find the process that has {directory / '.planning'} open"
        ) from error
    except OSError as error:
        raise BoardsUnavailable(f"boards cannot be locked: {error}") from error
    with context:
        yield


class _ReleaseWatcher:
    """Waits for the release of any of several boards.

    One thread per board blocks in flock, which has no timeout. A thread that is no longer
    needed ends when its board is released, or with the process.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._released = threading.Event()
        self._watched: set[str] = set()

    def begin(self) -> None:
        """Forget earlier releases; later ones end the next wait."""
        self._released.clear()

    def wait(self, names: Iterable[str], seconds: float) -> bool:
        """Return True once one of `names` is released after `begin`, False after `seconds`."""
        for name in sorted(set(names) - self._watched):
            self._watched.add(name)
            threading.Thread(
                target=self._watch, args=(name,), name=f"watch {name}", daemon=True
            ).start()
        return self._released.wait(seconds)

    def _watch(self, name: str) -> None:
        LockFile(self._directory, name).wait_until_free()
        self._watched.discard(name)  # first: the waiter may watch it again
        self._released.set()
