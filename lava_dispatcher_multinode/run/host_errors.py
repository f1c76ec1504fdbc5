"""Errors of this host, such as a full disk: failures of the infrastructure, with a hint."""

from __future__ import annotations

import errno
import resource

from ..errors import InfrastructureError

MAX_OPEN_FILES = 65536  # enough for several thousand boards with about ten each

_HINTS = {
    errno.EMFILE: "raise the limit of open files (ulimit -n)",
    errno.ENFILE: "raise the host's limit of open files (fs.file-max)",
    errno.ENOSPC: "free space, or choose another directory (--output-dir, TMPDIR)",
    errno.EDQUOT: "free space, or choose another directory (--output-dir, TMPDIR)",
    errno.EROFS: "choose a writable directory (--output-dir, TMPDIR)",
    errno.EIO: "check the disk in the kernel's log",
    errno.ENOMEM: "run fewer boards at a time",
    errno.EAGAIN: "raise this user's limits of processes and memory (ulimit -u, -v)",
}


def host_failure(error: BaseException) -> InfrastructureError | None:
    """Return the failure of this host that `error` stands for, with a hint; None: a bug."""
    if isinstance(error, OSError) and error.errno in _HINTS:
        where = f"{error.filename}: " if error.filename is not None else ""
        return InfrastructureError(f"{where}{error.strerror}: {_HINTS[error.errno]}")
    if isinstance(error, MemoryError):
        return InfrastructureError(f"out of memory: {_HINTS[errno.ENOMEM]}")
    if isinstance(error, RuntimeError) and "can't start new thread" in str(error):
        return InfrastructureError(f"cannot start a thread: {_HINTS[errno.EAGAIN]}")
    return None


def raise_file_limit() -> None:
    """Raise the soft limit of open files, which is low for the sake of select(2)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, MAX_OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
