"""The errors by which the kernel refuses a confinement.

Only a refusal permits a weaker confinement. Any other error (too little memory, too
many processes or files, a killed helper, a failed mount) ends the run, as it does
not show what the kernel supports.
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

#: Refusals by policy: seccomp, AppArmor, a missing capability.
POLICY = frozenset({errno.EPERM, errno.EACCES})
SETNS = frozenset({errno.EPERM, errno.ENOSYS})
#: Temporary shortages, which are not refusals.
SHORTAGE = frozenset({errno.EAGAIN, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOSPC})
_KINDS = ("user", "mnt", "net", "ipc", "uts", "pid")
_ERROR_PREFIX = "error "


class ConfinementRefused(RuntimeError):
    """The kernel refuses a step of the confinement; the argument is step and errno."""


def unshare_refusals(limits: str = "/proc/sys/user") -> frozenset[int]:
    """Return the errors by which unshare(2) refuses namespaces.

    ENOSPC is a refusal only if a limit is 0; otherwise it means that all are in use.
    Limits are those of the present user namespace: call this before entering another.
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
def detect_refusal(step: str, refusals: Collection[int]) -> Iterator[None]:
    """Raise an error of `step` that is in `refusals` as `ConfinementRefused`."""
    try:
        yield
    except OSError as error:
        if error.errno not in refusals:
            raise
        raise ConfinementRefused(describe(step, error)) from error


def describe(step: str, error: OSError) -> str:
    """Return step and error as one line, with the name of the errno."""
    number = error.errno or 0
    return f"{step}: {os.strerror(number)} ({errno.errorcode.get(number, number)})"


def encode_error(error: BaseException) -> bytes:
    """Return the message by which a child process reports an error to its parent."""
    return f"{_ERROR_PREFIX}{type(error).__name__}: {error}".encode()[:4000]


def decode_error(answer: bytes) -> RuntimeError:
    """Return the error in a message of a child process, with the type of a refusal kept."""
    text = answer.decode("utf-8", "replace").removeprefix(_ERROR_PREFIX)
    kind, _, reason = text.partition(": ")
    if kind == ConfinementRefused.__name__:
        return ConfinementRefused(reason)
    return RuntimeError(text or "a helper process ended without a reply")


def wait_for_child(child: int) -> int:
    """Wait for a helper process; return its exit code. Raise RuntimeError if it was killed."""
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code < 0:
        name = signal.strsignal(-code)
        raise RuntimeError(
            f"a helper process was killed by signal {-code} ({name}); "
            "if the kernel did so for lack of memory, free some and run again"
        )
    return code
