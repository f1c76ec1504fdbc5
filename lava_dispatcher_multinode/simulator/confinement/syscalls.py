"""Linux system calls that Python 3.11 lacks. Each raises OSError."""

from __future__ import annotations

import ctypes
import os

CLONE_NEWNS = 0x00020000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

MS_RDONLY = 0x1
MS_NOSUID = 0x2
MS_NODEV = 0x4
MS_NOEXEC = 0x8
MS_REMOUNT = 0x20
MS_BIND = 0x1000
MS_REC = 0x4000
MS_PRIVATE = 0x40000
MNT_DETACH = 0x2

_PR_SET_PDEATHSIG = 1
_PR_SET_NAME = 15
_PR_CAPBSET_DROP = 24
_PR_SET_CHILD_SUBREAPER = 36

_libc = ctypes.CDLL(None, use_errno=True)


def _call(name: str, *arguments: object, about: str = "") -> None:
    if getattr(_libc, name)(*arguments) == -1:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}", about or None)


def _text(text: str | None) -> ctypes.c_char_p:
    return ctypes.c_char_p(None if text is None else os.fsencode(text))


def unshare(flags: int) -> None:
    """Move this process to new namespaces of the kinds in `flags`."""
    _call("unshare", ctypes.c_int(flags))


def setns(descriptor: int, kind: int) -> None:
    """Enter the namespace of `descriptor`."""
    _call("setns", ctypes.c_int(descriptor), ctypes.c_int(kind))


def mount(
    source: str | None,
    target: str,
    kind: str | None = None,
    flags: int = 0,
    options: str | None = None,
) -> None:
    """Call mount(2)."""
    _call(
        "mount",
        _text(source),
        _text(target),
        _text(kind),
        ctypes.c_ulong(flags),
        _text(options),
        about=f"{kind or source} on {target}",
    )


def bind(source: str, target: str, *, read_only: bool = False) -> None:
    """Bind-mount `source` at `target`."""
    mount(source, target, None, MS_BIND)
    if read_only:
        # A user namespace must keep the flags of the source.
        kept = os.statvfs(target).f_flag & (MS_NOSUID | MS_NODEV | MS_NOEXEC)
        mount(None, target, None, MS_BIND | MS_REMOUNT | MS_RDONLY | kept)


def umount(target: str) -> None:
    """Unmount `target`, lazily if it is in use."""
    _call("umount2", _text(target), ctypes.c_int(MNT_DETACH), about=target)


def pivot_root(new: str, old: str) -> None:
    """Make `new` the root directory and move the present one to `old`."""
    _call("pivot_root", _text(new), _text(old), about=new)


def _prctl(option: int, value: int | bytes) -> None:
    argument = ctypes.c_char_p(value) if isinstance(value, bytes) else ctypes.c_ulong(value)
    zero = ctypes.c_ulong(0)
    _call("prctl", ctypes.c_int(option), argument, zero, zero, zero)


def die_with_parent(signal: int) -> None:
    """Receive `signal` when the parent ends; a change of user IDs cancels this."""
    _prctl(_PR_SET_PDEATHSIG, signal)


def adopt_orphans() -> None:
    """Become the parent of descendants whose parents end."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def set_name(name: str) -> None:
    """Set the name that `ps -o comm` shows, at most 15 bytes."""
    _prctl(_PR_SET_NAME, name.encode()[:15])


def drop_capability(number: int) -> None:
    """Remove a capability from the bounding set of this process and its children."""
    _prctl(_PR_CAPBSET_DROP, number)
