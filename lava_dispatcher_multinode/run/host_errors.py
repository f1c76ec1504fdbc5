"""What this host runs out of: not a bug of ours, and nothing that a test did."""

from __future__ import annotations

import errno
import resource

from ..errors import InfrastructureError

ENOUGH_FILES = 65536  # a board needs some ten: several thousand boards

_HINTS = {
    errno.EMFILE: "raise the limit of open files (ulimit -n)",
    errno.ENFILE: "the host's limit of open files is reached (fs.file-max)",
    errno.ENOSPC: "make room, or name another place (--output-dir, TMPDIR)",
    errno.EDQUOT: "make room, or name another place (--output-dir, TMPDIR)",
    errno.EROFS: "name a place that can be written (--output-dir, TMPDIR)",
    errno.EIO: "see the kernel's log for the disk",
    errno.ENOMEM: "the host has no memory left: run fewer boards at a time",
    errno.EAGAIN: "this user may have no more processes, or memory for them (ulimit -u, -v)",
}


def host_failure(error: BaseException) -> InfrastructureError | None:
    """Return what `error` says of this host, with what helps; None if it is about us."""
    if isinstance(error, OSError) and error.errno in _HINTS:
        where = f"{error.filename}: " if error.filename is not None else ""
        return InfrastructureError(f"{where}{error.strerror}: {_HINTS[error.errno]}")
    if isinstance(error, MemoryError):
        return InfrastructureError(f"out of memory: {_HINTS[errno.ENOMEM]}")
    if isinstance(error, RuntimeError) and "can't start new thread" in str(error):
        return InfrastructureError(f"no more threads: {_HINTS[errno.EAGAIN]}")
    return None


def allow_files() -> None:
    """Raise the soft limit of open files, which is low for programs that use select."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = ENOUGH_FILES if hard == resource.RLIM_INFINITY else min(hard, ENOUGH_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
