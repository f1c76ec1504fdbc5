"""Features of the host that tests need: a name, a probe and a fixed skip reason for each.

The probes do not use the package, so a fault of the package fails a test and does not
skip it. Tests use `@pytest.mark.needs("root", "zstd")`, fixtures call `require`.
A name that is not in `PROBES` is the name of a program.
"""

from __future__ import annotations

import os
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest

#: Debian installs some programs in directories that are not on an ordinary user's PATH.
PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin:/usr/bin:/bin"
U_BOOT = Path("/usr/lib/u-boot/qemu_arm/u-boot.bin")
NOBODY = 65534
#: systemd's script that marks a shell's prompt, of version 258 or later; `.ci/run` unpacks it.
OSC_CONTEXT = Path(
    os.environ.get("SYSTEMD_OSC_CONTEXT", "/usr/lib/systemd/profile.d/80-systemd-osc-context.sh")
)
#: Versions of LAVA that are tested; any version but the first counts as "today".
LAVA_VERSIONS = ("2023.01", "today")
_LAVA_TYPES = "../../../share/lava-server/device-types"
_LAVA_DOCUMENTS = "../../../share/doc/lava-server-doc/html/v2/examples/test-jobs"


def require(*names):
    """Skip the test unless the host has all of `names`."""
    for name in names:
        if reason := lack(name):
            pytest.skip(reason)


@contextmanager
def skipped_without(*names):
    """On an exception, skip the test if the host lacks one of `names`; otherwise raise it."""
    try:
        yield
    except Exception:
        require(*names)
        raise


@cache
def lack(name):
    """Return the skip reason if the host lacks feature `name`, otherwise ""."""
    if name in PROBES:
        probe, reason = PROBES[name]
        return "" if probe() else reason
    return "" if program(name) else f"{name} is not installed"


def program(name):
    """Return the path of a program, or None."""
    return shutil.which(name, path=PATH)


def lavas():
    """Return the directories of LAVA's Python packages by version."""
    found = {}
    default = "/usr/lib/python3/dist-packages"
    for path in os.environ.get("LAVA_DISPATCHER_PATH", default).split(os.pathsep):
        file = Path(path, "lava_common/VERSION")
        if path and file.is_file():
            version = file.read_text().strip()
            found.setdefault(version if version in LAVA_VERSIONS else "today", path)
    return found


def lava(version):
    """Return the package directory of one of `LAVA_VERSIONS`; skip the test if it is missing."""
    require(f"LAVA {version}")
    return lavas()[version]


def lava_documents():
    """Return the directories that contain the jobs of LAVA's documentation."""
    places = [Path(path, _LAVA_DOCUMENTS) for path in lavas().values()]
    return [place for place in places if place.is_dir()]


def lava_types():
    """Return the directories of the templates of LAVA's device types, by version."""
    places = {version: Path(path, _LAVA_TYPES) for version, path in lavas().items()}
    return {version: place for version, place in places.items() if place.is_dir()}


def python_of_others():
    """Return a Python of this minor version that user `nobody` can run, or None."""
    for python in (sys.executable, f"/usr/bin/python3.{sys.version_info.minor}"):
        try:
            subprocess.run([python, "-c", ""], user=NOBODY, group=NOBODY, env={}, check=True)
        except (OSError, subprocess.CalledProcessError):
            continue
        return python
    return None


def control_group():
    """Create a control group; return it with its files for memory and swap limits, or None."""
    for top, limit, swap in (
        ("/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.memsw.limit_in_bytes"),
        ("/sys/fs/cgroup", "memory.max", "memory.swap.max"),
    ):
        group = Path(top, f"lava-test-{os.getpid()}")
        try:
            group.mkdir()
        except OSError:
            continue
        if (group / limit).exists():
            return group, limit, swap
        group.rmdir()
    return None


def _is_root():
    return os.geteuid() == 0


def _runs(*words):
    try:
        return subprocess.run(words, capture_output=True).returncode == 0
    except OSError:
        return False


def _user_namespaces():
    return _runs(
        *("unshare", "--user", "--map-root-user", "--mount", "--net", "--ipc", "--uts"),
        *("--pid", "--fork", "--mount-proc", "true"),
    )


def _root_s_namespaces():
    return _is_root() and _runs("unshare", "--mount", "--pid", "--fork", "--uts", "true")


def _chroot():
    with tempfile.TemporaryDirectory() as place:
        return (
            _is_root()
            and _runs("mknod", f"{place}/null", "c", "1", "3")
            and _runs("chroot", "/", "true")
        )


def _seccomp():
    actions = Path("/proc/sys/kernel/seccomp/actions_avail")
    return actions.is_file() and "errno" in actions.read_text().split()


def _control_group():
    made = control_group()
    if made:
        made[0].rmdir()
    return made is not None


def _many_files():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return hard == resource.RLIM_INFINITY or hard >= 4096


def _ipv6():
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


def _tftp_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(("127.64.0.1", 69))
        except PermissionError:
            return False
        except OSError:
            return False
    return True


def _debians_archive():
    if not all(map(program, ("apt-get", "apt-cache", "dpkg-deb"))):
        return False
    words = ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Origin: Debian"]
    known = subprocess.run(words, capture_output=True, text=True).stdout.split()
    if not known:
        return False
    try:
        with urllib.request.urlopen(f"{known[0]}dists/bookworm/Release", timeout=20):
            return True
    except (OSError, ValueError, urllib.error.URLError):
        return False


#: Probe and reason by need.
PROBES = {
    "root": (_is_root, "root is required"),
    "another user": (
        lambda: _is_root() and python_of_others() is not None,
        "no other user can run a Python of this version",
    ),
    "user namespaces": (_user_namespaces, "this host has no user namespaces"),
    "root's namespaces": (_root_s_namespaces, "this host has no namespaces for root"),
    "chroot": (_chroot, "this host does not permit chroot and mknod"),
    "seccomp": (_seccomp, "this kernel has no seccomp filters"),
    "control group": (_control_group, "this host has no writable memory control group"),
    "4096 files": (_many_files, "the open-file limit is below 4096"),
    "IPv6": (_ipv6, "this host has no IPv6"),
    "TFTP port": (_tftp_port, "port 69 cannot be bound"),
    "no TFTP server": (
        lambda: not Path("/etc/default/tftpd-hpa").exists(),
        "this host runs a TFTP server for LAVA",
    ),
    "/dev/full": (lambda: os.path.exists("/dev/full"), "this host has no /dev/full"),
    "Python outside /usr": (
        lambda: os.path.realpath(sys.base_prefix).split("/")[1] not in {"opt", "usr"},
        "simulated boards can see this Python",
    ),
    "OSC context": (OSC_CONTEXT.is_file, "systemd's OSC context script is not available"),
    "u-boot-qemu": (U_BOOT.is_file, "u-boot-qemu is not installed"),
    "grub-pc-bin": (
        lambda: (
            Path("/usr/lib/grub/i386-pc/lnxboot.img").is_file()
            and shutil.which("grub-mkstandalone") is not None
        ),
        "grub-pc-bin or grub-common is not installed",
    ),
    "Debian's archive": (_debians_archive, "Debian's archive is not reachable"),
    "Debian's shellcheck": (
        lambda: Path("/usr/bin/shellcheck").exists(),
        "Debian's shellcheck is not installed",
    ),
    "LAVA": (lambda: bool(lavas()), "LAVA's dispatcher is not installed"),
    "LAVA's device types": (
        lambda: bool(lava_types()),
        "LAVA's device types (lava-server) are not unpacked",
    ),
    "LAVA's documentation": (
        lambda: bool(lava_documents()),
        "LAVA's documentation (lava-server-doc) is not unpacked",
    ),
    **{
        f"LAVA {version}": (
            lambda version=version: version in lavas(),
            f"LAVA {version} is not installed",
        )
        for version in LAVA_VERSIONS
    },
}
