"""Only a refusal by the kernel leads to a weaker confinement, tested with real errors."""

import errno
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from lava_dispatcher_multinode.errors import InfrastructureError
from lava_dispatcher_multinode.simulator.confinement import mounts, refusals, syscalls

from ...needs import require

pytestmark = pytest.mark.slow

#: Numbers of system calls.
CALLS = {
    "x86_64": {"unshare": 272, "setns": 308, "mount": 165, "chroot": 161, "mknodat": 259},
    "aarch64": {"unshare": 97, "setns": 268, "mount": 40, "chroot": 51, "mknodat": 33},
}.get(platform.machine(), {})
#: A seccomp profile, as containers have it: system calls of this process fail with these errors.
PROFILE = """
import ctypes, struct
libc = ctypes.CDLL(None, use_errno=True)
for call, number in {refused!r}.items():
    code = struct.pack(
        "=HBBIHBBIHBBIHBBI",
        0x20, 0, 0, 0,
        0x15, 0, 1, call,
        0x06, 0, 0, 0x50000 | number,
        0x06, 0, 0, 0x7FFF0000,
    )
    program = struct.pack("@HP", 4, ctypes.addressof(kept := ctypes.create_string_buffer(code)))
    zero = ctypes.c_ulong(0)
    assert libc.prctl(38, ctypes.c_ulong(1), zero, zero, zero) == 0
    assert libc.prctl(22, ctypes.c_ulong(2), program, zero, zero) == 0
"""
NAMESPACES = """
import os, resource, signal
from lava_dispatcher_multinode.simulator.confinement.namespaces import Namespaces
"""
KILLED = """
Namespaces.{} = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
"""
KILLED_INIT = """
spawn = Namespaces._spawn
def kill(*arguments):
    init = spawn(*arguments)
    os.kill(init, signal.SIGKILL)
    return init
Namespaces._spawn = kill
"""
WEAKER = "chroot" if os.geteuid() == 0 else "unconfined"


@pytest.fixture
def host_with_profile(other_host, shared_lab):
    """A function that makes a lab under a seccomp profile, with all confinements allowed."""
    require("seccomp")

    def make(**refused):
        profile = PROFILE.format(refused={CALLS[name]: why for name, why in refused.items()})
        return other_host(profile, confinement=None, unconfined=True)

    return make


@pytest.mark.parametrize(
    "kill",
    [KILLED.format("_prepare"), KILLED.format("_fork_init"), KILLED_INIT],
    ids=["job", "board", "init"],
)
def test_a_killed_helper(other_host, shared_lab, kill):
    """A killed helper process does not lead to a weaker confinement."""
    with (
        pytest.raises(InfrastructureError, match=r"namespaces: .*signal 9 \(Killed\)"),
        other_host(NAMESPACES + kill, confinement=None, unconfined=True),
    ):
        pass


@pytest.mark.parametrize(
    ("call", "number", "name"),
    [
        ("unshare", errno.EPERM, "EPERM"),
        ("unshare", errno.ENOSYS, "ENOSYS"),
        ("unshare", errno.EINVAL, "EINVAL"),
        ("setns", errno.EPERM, "EPERM"),
        ("mount", errno.EACCES, "EACCES"),  # AppArmor: namespaces without rights
    ],
)
def test_a_refusal(host_with_profile, call, number, name):
    """A policy or a kernel without namespaces leads to a weaker confinement."""
    with host_with_profile(**{call: number}) as lab:
        assert lab.confinement == WEAKER
        assert lab.refused["namespaces"].startswith(call)
        assert lab.refused["namespaces"].endswith(f"({name})")


@pytest.mark.parametrize(
    ("call", "number"),
    [
        ("unshare", errno.ENOMEM),
        ("unshare", errno.EAGAIN),
        ("unshare", errno.ENOSPC),  # the limit is not 0: all are in use
        ("setns", errno.ENOMEM),
        ("mount", errno.ENOMEM),
        ("mount", errno.EINVAL),
    ],
)
def test_a_shortage(host_with_profile, call, number):
    """A temporary shortage does not lead to a weaker confinement."""
    with (
        pytest.raises(
            InfrastructureError, match=rf"weaker confinement.*\[Errno {number}\] {call}"
        ),
        host_with_profile(**{call: number}),
    ):
        pass


def test_a_mount_in_a_working_namespace(other_host, shared_lab):
    """EINVAL of a mount does not mean a kernel without namespaces."""
    with (
        pytest.raises(InfrastructureError, match=r"namespaces: .*mount: Invalid argument"),
        other_host("mounts._WRITABLE_SIZE = 'x'", confinement=None, unconfined=True),
    ):
        pass


@pytest.mark.parametrize(
    ("limit", "error"),
    [
        ("resource.RLIMIT_NOFILE, (3, 3)", "Too many open files"),
        ("resource.RLIMIT_NPROC, (0, 0)", "Resource temporarily unavailable"),
    ],
    ids=["files", "processes"],
)
def test_a_limit_of_the_process(other_host, shared_lab, limit, error):
    """Limits of files and processes do not lead to a weaker confinement."""
    difference = f"""
make = Namespaces._make
def limited(self):
    if os.geteuid() == 0 and "NPROC" in {limit!r}:  # root has no limit
        os.setresuid(65534, 65534, 0)
    resource.setrlimit({limit})
    return make(self)
Namespaces._make = limited
"""
    with (
        pytest.raises(InfrastructureError, match=f"namespaces: .*{error}"),
        other_host(NAMESPACES + difference, confinement=None, unconfined=True),
    ):
        pass


@pytest.mark.needs("chroot")
@pytest.mark.parametrize("call", ["chroot", "mknodat"])
def test_chroot_is_refused(host_with_profile, call):
    """A root without the capabilities for a chroot gets the reason of the refusal."""
    with host_with_profile(unshare=errno.EPERM, **{call: errno.EPERM}) as lab:
        assert lab.confinement == "unconfined"
        assert (
            lab.refused["chroot"] == f"{call.removesuffix('at')}: Operation not permitted (EPERM)"
        )


@pytest.mark.needs("chroot")
def test_chroot_fails(host_with_profile):
    """A failed chroot that is not refused does not lead to unconfined boards."""
    with (
        pytest.raises(InfrastructureError, match=r"weaker confinement.* chroot: "),
        host_with_profile(unshare=errno.EPERM, mknodat=errno.ENOSPC),
    ):
        pass


@pytest.mark.parametrize(("limit", "refusal"), [(0, True), (1, False)])
def test_no_space(tmp_path, limit, refusal):
    """ENOSPC is a refusal only if a limit is 0."""
    for kind in ("user", "net"):
        (tmp_path / f"max_{kind}_namespaces").write_text(f"{limit}\n")
    assert (errno.ENOSPC in refusals.unshare_refusals(str(tmp_path))) is refusal


def test_an_overlay_without_memory(tmp_path, monkeypatch):
    """A shortage of memory does not lead to read-only boards."""

    def mount(*_):
        raise OSError(failure, "mount")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(syscalls, "mount", mount)
    failure = errno.ENOMEM
    with pytest.raises(OSError, match="mount"):
        mounts.overlay_refusal()


def test_an_overlay_that_is_refused(tmp_path):
    """The reason for a refused overlay has the file system and the error."""
    program = (
        "import os; from lava_dispatcher_multinode.simulator.confinement import mounts\n"
        "print(mounts.overlay_refusal())"
    )
    package = str(Path(mounts.__file__).parents[3])
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={"PYTHONPATH": package},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("overlay: ")
