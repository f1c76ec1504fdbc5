"""One lock file per board, in a directory that all users of the host share.

A board belongs to the process that holds an exclusive flock on its file; the flock ends with
the process. The content of the file describes the holder for people. It is read only while
the file is locked, since a killed holder leaves it behind. To inspect a lock, a process takes
a shared flock for a moment, which therefore never looks like a holder's.
"""

from __future__ import annotations

import datetime
import fcntl
import json
import os
import pwd
import socket
import stat
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import BoardsUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Overrides the directory; all processes that share boards must use the same.
LOCK_DIR_VARIABLE = "LAVA_LOCK_DIR"
#: The first usable one counts. A user's own runtime directory would not be shared.
DIRECTORIES = (Path("/run/lock/lava-dispatcher"), Path("/tmp/lava-dispatcher-lock"))  # noqa: S108

_MAX_HOLDER_BYTES = 4096
_INSPECTION_TIMEOUT_S = 1.0  # for processes that inspect a lock
_RETRY_S = 0.005


@dataclass(frozen=True)
class Holder:
    """The holder of a board, as the lock file describes it."""

    user: str = "unknown user"
    host: str = ""
    pid: int = 0
    job: str = ""
    since: str = ""  # ISO 8601, UTC

    def __str__(self) -> str:
        at = f"@{self.host}" if self.host else ""
        pid = f" pid {self.pid}" if self.pid else ""
        job = f", job '{self.job}'" if self.job else ""
        moment = self.since[:16].replace("T", " ")
        return f"{self.user}{at}{pid}{job}" + (f", since {moment} UTC" if moment else "")


def lock_directory() -> Path:
    """Return the directory of the locks; create it if it does not exist.

    Raises `BoardsUnavailable` if no directory is usable.
    """
    override = os.environ.get(LOCK_DIR_VARIABLE)
    candidates = (Path(override),) if override else DIRECTORIES
    for directory in candidates:
        if _make_shared(directory) and os.access(directory, os.W_OK | os.X_OK):
            return directory
    tried = " nor ".join(map(str, candidates))
    raise BoardsUnavailable(
        f"boards cannot be locked: no writing to {tried}; "
        f"make one of them with mode 1777, or name another in {LOCK_DIR_VARIABLE}"
    )


class LockFile:
    """The lock of one board."""

    def __init__(self, directory: Path, name: str) -> None:
        self._path = directory / f"{name}.lock"
        self.descriptor = -1  # of the open file that holds the lock; -1: not held

    def holder(self) -> Holder | None:
        """Return the holder, or None."""
        try:
            descriptor = os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._unusable(error) from error
        try:
            return None if _lock(descriptor, fcntl.LOCK_SH) else _read_holder(descriptor)
        finally:
            os.close(descriptor)

    def acquire(self, job: str) -> bool:
        """Acquire it for `job` if it is free; return whether it was.

        `locks.hold` serialises the callers. So if a shared lock is possible, the current
        lock is not a holder's but an inspection, which ends soon.
        """
        descriptor = self._open()
        until = time.monotonic() + _INSPECTION_TIMEOUT_S
        while not _lock(descriptor, fcntl.LOCK_EX):
            if not _lock(descriptor, fcntl.LOCK_SH) or time.monotonic() > until:
                os.close(descriptor)
                return False
            # A blocking flock has no timeout, and the inspecting process may be stopped.
            time.sleep(_RETRY_S)
        self.descriptor = descriptor
        with suppress(OSError):  # a full disk: the lock counts, not its content
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, json.dumps(asdict(_own_holder(job))).encode(), 0)
        return True

    def release(self) -> None:
        """Release it, if held."""
        if self.descriptor >= 0:
            with suppress(OSError):
                os.ftruncate(self.descriptor, 0)
            os.close(self.descriptor)
            self.descriptor = -1  # of the open file that holds the lock; -1: not held

    def wait_until_free(self) -> None:
        """Return once it is free; there is no timeout."""
        with suppress(OSError):
            descriptor = os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_SH)
            finally:
                os.close(descriptor)

    def _open(self) -> int:
        """Open the file; without O_CREAT if another user owns it, which Linux may forbid."""
        flags = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            with suppress(FileExistsError):
                descriptor = os.open(self._path, flags | os.O_CREAT | os.O_EXCL, 0o666)
                os.fchmod(descriptor, 0o666)  # other users lock it, too, whatever the umask
                return descriptor
            return os.open(self._path, flags)
        except OSError as error:
            raise self._unusable(error) from error

    def _unusable(self, error: OSError) -> BoardsUnavailable:
        hint = "; remove it if it is a leftover" if os.path.lexists(self._path) else ""
        return BoardsUnavailable(f"cannot use the lock {self._path}: {error.strerror}{hint}")


def holders(directory: Path, names: Iterable[str]) -> dict[str, Holder]:
    """Return the holders of those of the boards `names` that are held."""
    found = {name: LockFile(directory, name).holder() for name in names}
    return {name: holder for name, holder in found.items() if holder is not None}


def _lock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        raise BoardsUnavailable(
            f"the file system of the locks has no flock ({error.strerror}): "
            f"name a local directory in {LOCK_DIR_VARIABLE}"
        ) from error
    return True


def _own_holder(job: str) -> Holder:
    try:
        user = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a user without a name, as in containers
        user = f"uid {os.getuid()}"
    since = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    return Holder(user, socket.gethostname(), os.getpid(), job[:200], since)


def _read_holder(descriptor: int) -> Holder:
    """Return the described holder; any user may have written anything into the file."""
    try:
        described: Any = json.loads(os.pread(descriptor, _MAX_HOLDER_BYTES, 0))
        words = {
            key: "".join(c for c in str(described[key])[:200] if c.isprintable())
            for key in ("user", "host", "job", "since")
        }
        return Holder(**words, pid=int(described["pid"]))
    except (ValueError, TypeError, KeyError, RecursionError):
        return Holder()


def _make_shared(directory: Path) -> bool:
    """Try to create `directory`, writable by all users; return whether it is a directory."""
    with suppress(OSError):
        directory.mkdir()
        directory.chmod(0o1777)
    try:
        return stat.S_ISDIR(directory.lstat().st_mode)
    except OSError:
        return False
