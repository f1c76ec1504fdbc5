"""One lock file for each board, in a directory that all users of the host share.

The flock decides who has a board: it ends with its process, however that
ends. What a file says about its holder is for people, and is read only while
somebody has the lock, since a killed holder leaves it behind. An exclusive
lock is a holder's; a shared one is taken for a moment by whoever only looks, so
looking at a lock never looks like having it.
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

#: Overrides the directory; all who share boards must agree on it.
VARIABLE = "LAVA_LOCK_DIR"
#: The first that can be used. A user's own runtime directory would not be shared.
DIRECTORIES = (Path("/run/lock/lava-dispatcher"), Path("/tmp/lava-dispatcher-lock"))  # noqa: S108

_MAX_BYTES = 4096
_LOOKING = 1.0  # seconds that those who only look may need to be done


@dataclass(frozen=True)
class Holder:
    """Who holds a board, as the lock file says."""

    user: str = "somebody"
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
    """Return the directory of the locks, made if need be.

    Raises `BoardsUnavailable` if there is none that can be used.
    """
    override = os.environ.get(VARIABLE)
    candidates = (Path(override),) if override else DIRECTORIES
    for directory in candidates:
        if _make_shared(directory) and os.access(directory, os.W_OK | os.X_OK):
            return directory
    tried = " nor ".join(map(str, candidates))
    raise BoardsUnavailable(
        f"boards cannot be locked: no writing to {tried}; "
        f"make one of them with mode 1777, or name another in {VARIABLE}"
    )


class LockFile:
    """The lock of one board."""

    def __init__(self, directory: Path, name: str) -> None:
        self._path = directory / f"{name}.lock"
        self._descriptor = -1

    @property
    def descriptor(self) -> int:
        """The open file that has the lock, while it is taken."""
        return self._descriptor

    def holder(self) -> Holder | None:
        """Return who has it, or None."""
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

    def take(self, job: str) -> bool:
        """Take it for `job` if it is free; return whether it was.

        Callers do so one at a time (see `locks.hold`): then a lock that can
        be shared is not held, but looked at, for a moment only.
        """
        descriptor = self._open()
        until = time.monotonic() + _LOOKING
        while not _lock(descriptor, fcntl.LOCK_EX):
            if not _lock(descriptor, fcntl.LOCK_SH) or time.monotonic() > until:
                os.close(descriptor)
                return False
            # A blocking flock has no limit, and somebody may have been stopped while looking.
            time.sleep(0.005)
        self._descriptor = descriptor
        with suppress(OSError):  # a full disk: the lock counts, not what it says
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, json.dumps(asdict(_we(job))).encode(), 0)
        return True

    def release(self) -> None:
        """Give it back."""
        if self._descriptor >= 0:
            with suppress(OSError):
                os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = -1

    def wait(self) -> None:
        """Return when nobody has it; there is no limit."""
        with suppress(OSError):
            descriptor = os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_SH)
            finally:
                os.close(descriptor)

    def _open(self) -> int:
        """Open the file; never with O_CREAT if it is somebody else's, which Linux may forbid."""
        flags = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            with suppress(FileExistsError):
                descriptor = os.open(self._path, flags | os.O_CREAT | os.O_EXCL, 0o666)
                os.fchmod(descriptor, 0o666)  # whatever the umask: other users lock it, too
                return descriptor
            return os.open(self._path, flags)
        except OSError as error:
            raise self._unusable(error) from error

    def _unusable(self, error: OSError) -> BoardsUnavailable:
        hint = "; remove it if it is a leftover" if os.path.lexists(self._path) else ""
        return BoardsUnavailable(f"cannot use the lock {self._path}: {error.strerror}{hint}")


def holders(directory: Path, names: Iterable[str]) -> dict[str, Holder]:
    """Return those of the boards `names` that somebody has, and who."""
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
            f"name a local directory in {VARIABLE}"
        ) from error
    return True


def _we(job: str) -> Holder:
    try:
        user = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a user without a name, as in containers
        user = f"uid {os.getuid()}"
    since = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    return Holder(user, socket.gethostname(), os.getpid(), job[:200], since)


def _read_holder(descriptor: int) -> Holder:
    """Return what the file says; any user may have written anything there."""
    try:
        said: Any = json.loads(os.pread(descriptor, _MAX_BYTES, 0))
        words = {
            key: "".join(c for c in str(said[key])[:200] if c.isprintable())
            for key in ("user", "host", "job", "since")
        }
        return Holder(**words, pid=int(said["pid"]))
    except (ValueError, TypeError, KeyError, RecursionError):
        return Holder()


def _make_shared(directory: Path) -> bool:
    """Return whether `directory` is one, after an attempt to make it, open to all."""
    with suppress(OSError):
        directory.mkdir()
        directory.chmod(0o1777)
    try:
        return stat.S_ISDIR(directory.lstat().st_mode)
    except OSError:
        return False
