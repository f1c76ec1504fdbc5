"""The errors by which the kernel refuses a way of confinement.

Only a refusal leads to a weaker way. Any other error (memory, processes or files
are short, a helper process is killed, a mount fails) ends the run: it says nothing
about what the kernel offers.
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

#: A policy: seccomp, AppArmor, a missing capability.
POLICY = frozenset({errno.EPERM, errno.EACCES})
SETNS = frozenset({errno.EPERM, errno.ENOSYS})
#: A lack that may pass.
SHORTAGE = frozenset({errno.EAGAIN, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOSPC})
_KINDS = ("user", "mnt", "net", "ipc", "uts", "pid")
_ERROR = "error "


class Unavailable(RuntimeError):
    """The kernel refuses a step that this way needs; the text is the step and the errno."""


def of_unshare(limits: str = "/proc/sys/user") -> frozenset[int]:
    """Return the errors by which unshare(2) says that there are no namespaces.

    ENOSPC is one of them only where a limit is 0: otherwise others have used them up.
    Limits are those of the present user namespace, so ask before entering another.
    """
    refusals = frozenset({errno.EPERM, errno.ENOSYS, errno.EINVAL})
    for kind in _KINDS:
        with (
            contextlib.suppress(FileNotFoundError),  # Linux before 4.9
            open(f"{limits}/max_{kind}_namespaces", encoding="ascii") as file,
        ):
            if int(file.read()) == 0:
                return refusals | {errno.ENOSPC}
    return refusals


@contextlib.contextmanager
def asking(step: str, refusals: Collection[int]) -> Iterator[None]:
    """Turn an error of `step` that is among `refusals` into `Unavailable`."""
    try:
        yield
    except OSError as error:
        if error.errno not in refusals:
            raise
        raise Unavailable(described(step, error)) from error


def described(step: str, error: OSError) -> str:
    """Return a step and its error as one line, with the errno's name."""
    number = error.errno or 0
    return f"{step}: {os.strerror(number)} ({errno.errorcode.get(number, number)})"


def encode(error: BaseException) -> bytes:
    """Return an error as a child process tells its parent."""
    return f"{_ERROR}{type(error).__name__}: {error}".encode()[:4000]


def decode(answer: bytes) -> RuntimeError:
    """Return the error that a child process tells; a refusal is still one."""
    text = answer.decode("utf-8", "replace").removeprefix(_ERROR)
    kind, _, reason = text.partition(": ")
    if kind == Unavailable.__name__:
        return Unavailable(reason)
    return RuntimeError(text or "a helper process ended without an answer")


def reap(child: int) -> int:
    """Wait for a helper process and return its exit code; RuntimeError if a signal ends it."""
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code < 0:
        name = signal.strsignal(-code)
        raise RuntimeError(
            f"a helper process was ended by signal {-code} ({name}); "
            "where the kernel did so, memory is short: free some, and run again"
        )
    return code
