"""Deploy method `master`, as in 2013: the board's own master image fetches the other image.

The master image has booted to its shell. Each step has a timeout, and its error names it;
transfers over the network are retried.
"""

from __future__ import annotations

import shlex
import time
from typing import TYPE_CHECKING

from ...errors import DeployError
from ...images.partition_tarballs import write_boot_tarball, write_root_tarball
from ..fetching import fetch_command
from ..network import bring_up

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ...deadline import Deadline
    from ...images.store import Image
    from ...lab.device_model import Device
    from ...serve.servers import Servers
    from ..delivery.bundle import OverlayBundle
    from ..shell import Shell

BOOT, ROOT = "testboot", "testrootfs"
MKFS_TIMEOUT_S = 1800.0  # as in 2013
FETCH_TIMEOUT_S = {BOOT: 1200.0, ROOT: 18000.0}
STEP_TIMEOUT_S = 120.0
MAX_ATTEMPTS = 5
RETRY_AFTER_S = 5.0
#: Commands per partition; the first one that the board has and that succeeds counts. The
#: mke2fs of BusyBox makes an ext2.
MKFS = {
    ROOT: ("mkfs.ext4 -q -F -L {label} {device}", "mke2fs -q -F -t ext4 -L {label} {device}",
           "mke2fs -F -L {label} {device}"),
    BOOT: ("mkfs.vfat -n {label} {device}", "mkdosfs -n {label} {device}"),
}  # fmt: skip
FIND_DEVICE = (
    "{{ udevadm trigger && udevadm settle; }} >/dev/null 2>&1; "
    "readlink -f /dev/disk/by-label/{label} 2>/dev/null | grep -x '/dev/[^/]*' || "
    "findfs LABEL={label} 2>/dev/null || blkid -L {label}"
)
FAILURE_MARK = "/tmp/lava-fetch-failed"  # noqa: S108 - on the board, which is ours


def deploy_by_master(
    shell: Shell,
    device: Device,
    image: Image,
    bundle: OverlayBundle | None,
    servers: Servers,
    deadline: Deadline,
    step: Callable[[str], None],
) -> bool:
    """Put both partitions of `image` on the board; return whether its root contains `bundle`."""
    return _Master(shell, device, servers, step).deploy(image, bundle, deadline)


class _Master:
    """The steps of a deployment at the master image's shell."""

    def __init__(
        self, shell: Shell, device: Device, servers: Servers, step: Callable[[str], None]
    ) -> None:
        if device.dispatcher_ip is None:
            raise DeployError(
                f"{device.name}: dispatcher_ip is missing: this host's address in the "
                "board's network"
            )
        self._shell = shell
        self._device = device
        self._host = device.dispatcher_ip
        self._servers = servers
        self._step = step
        self._fetch = ""  # a shell command; see fetching.PROGRAMS

    def deploy(self, image: Image, bundle: OverlayBundle | None, deadline: Deadline) -> bool:
        self._step("master image: bringing up the network")
        self._fetch = fetch_command(self._shell)
        address = bring_up(self._shell, self._device.network)
        self._step(f"master image: its address is {address}")
        disk = image.unpacked(deadline, self._step)
        self._step("packing the partitions of the image")
        root = image.cached("root.tgz", lambda path: write_root_tarball(disk, path, deadline))
        boot = image.cached("boot.tgz", lambda path: write_boot_tarball(disk, path))
        in_image = bundle is not None and "image" in self._device.overlay
        self._partition(
            ROOT, root, self._device.deploy.master.testrootfs, bundle if in_image else None
        )
        self._partition(BOOT, boot, self._device.deploy.master.testboot, None)
        return in_image

    def _partition(
        self, label: str, tarball: Path, configured: str | None, bundle: OverlayBundle | None
    ) -> None:
        device = shlex.quote(configured or self._find(label))
        mount_point = f"/mnt/{label}"
        self._execute(
            f"while umount {device} 2>/dev/null; do :; done; mkdir -p {mount_point}", "unmounting"
        )
        self._make_file_system(label, device)
        # Not every kernel loads the module of a file system when it mounts one.
        kind = "modprobe vfat 2>/dev/null; mount -t vfat" if label == BOOT else "mount"
        self._run(f"{kind} {device} {mount_point}", f"mounting {label}")
        self._unpack(tarball, mount_point, label, FETCH_TIMEOUT_S[label])
        if label == ROOT:
            self._disable_flash_kernel(mount_point)
        if bundle is not None:
            self._add_overlay(bundle, mount_point)
        self._run("sync", f"writing {label} out", FETCH_TIMEOUT_S[label])
        self._run(f"umount {mount_point}", f"unmounting {label}", FETCH_TIMEOUT_S[label])

    def _find(self, label: str) -> str:
        code, output = self._execute(FIND_DEVICE.format(label=label), f"finding {label}")
        found = output.strip()
        if code or not found.startswith("/dev/"):
            raise DeployError(
                f"master image: no partition is labelled {label}: label it, or set "
                f"deploy.master.{label} to its device"
            )
        return found

    def _make_file_system(self, label: str, device: str) -> None:
        reason = "the board has none of the programs for it"
        for command in MKFS[label]:
            if not self._shell.has(command.split()[0]):
                continue
            line = command.format(label=label, device=device)
            self._step(f"master image: {line}")
            code, output = self._execute(f"{line} 2>&1", f"making {label}", MKFS_TIMEOUT_S)
            if code == 0:
                return
            reason = f"'{line}' exited with {code}: {output}"
        raise DeployError(f"master image: making {label}: {reason}")

    def _unpack(self, tarball: Path, mount_point: str, label: str, limit: float) -> None:
        """Fetch and unpack in one pipe: the board has no space for the tarball."""
        size = tarball.stat().st_size / 1e6
        with self._servers.publish_http(tarball, "files.tgz", self._host) as url:
            fetch = self._fetch.format(file="-", url=url)
            # The exit code of a pipe is that of its last command: a failed fetch leaves a mark.
            line = (
                f"rm -f {FAILURE_MARK}; {{ {fetch} || : >{FAILURE_MARK}; }} | "
                f"tar -C {mount_point} -xz{'o' if label == BOOT else ''}f - && "
                f"[ ! -e {FAILURE_MARK} ]"
            )
            for number in range(1, MAX_ATTEMPTS + 1):
                self._step(f"master image: fetching {label}, {size:.1f} MB over HTTP")
                code, output = self._execute(f"{{ {line}; }} 2>&1", f"fetching {label}", limit)
                if code == 0:
                    return
                reason = (output.splitlines() or [f"exit code {code}"])[-1]
                if number < MAX_ATTEMPTS:
                    self._step(f"master image: fetching {label} failed ({reason}): retrying")
                    time.sleep(self._shell.deadline.within(RETRY_AFTER_S))
        where = f"http://{self._host}"
        raise DeployError(
            f"master image: fetching {label} from {where} failed {MAX_ATTEMPTS} times: {reason}"
        )

    def _add_overlay(self, bundle: OverlayBundle, mount_point: str) -> None:
        self._unpack(bundle.archive, mount_point, "the overlay", STEP_TIMEOUT_S)
        for path, content in bundle.files.items():
            with self._servers.publish_http(content, "file", self._host) as url:
                command = self._fetch.format(file=shlex.quote(mount_point + path), url=url)
                self._run(command, "fetching the overlay's environment")

    def _disable_flash_kernel(self, mount_point: str) -> None:
        """Prevent the image's packages from overwriting the boot loader of the master image."""
        program = f"{mount_point}/usr/sbin/flash-kernel"
        self._run(
            f"if [ -e {program} ]; then mv {program} {program}.lava && "
            f"ln -s /bin/true {program}; fi",
            "disabling flash-kernel",
        )

    def _run(self, command: str, what: str, timeout: float = STEP_TIMEOUT_S) -> None:
        code, output = self._execute(f"{{ {command}; }} 2>&1", what, timeout)
        if code:
            raise DeployError(f"master image: {what}: '{command}' exited with {code}: {output}")

    def _execute(
        self, command: str, what: str, timeout: float = STEP_TIMEOUT_S
    ) -> tuple[int, str]:
        answer = self._shell.try_run(command, timeout)
        if answer is None:
            raise DeployError(
                self._shell.explain(f"master image: {what}: not done within {timeout:g} s")
            )
        return answer
