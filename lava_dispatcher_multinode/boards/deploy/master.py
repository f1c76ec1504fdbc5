"""Deploying by `master`, as in 2013: the board's own master image fetches the other.

The master image has booted to its shell. Every step is named in its error, its exit code
looked at, and has a limit; what goes over the network is tried again.
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
MKFS_WAIT = 1800.0  # seconds, as in 2013
FETCH_WAIT = {BOOT: 1200.0, ROOT: 18000.0}
STEP_WAIT = 120.0
TRIES = 5
PAUSE = 5.0  # seconds before the network is tried again
#: The first of them that the board has, and that works. BusyBox's makes an ext2.
MKFS = {
    ROOT: ("mkfs.ext4 -q -F -L {label} {device}", "mke2fs -q -F -t ext4 -L {label} {device}",
           "mke2fs -F -L {label} {device}"),
    BOOT: ("mkfs.vfat -n {label} {device}", "mkdosfs -n {label} {device}"),
}  # fmt: skip
FIND = (
    "{{ udevadm trigger && udevadm settle; }} >/dev/null 2>&1; "
    "readlink -f /dev/disk/by-label/{label} 2>/dev/null | grep -x '/dev/[^/]*' || "
    "findfs LABEL={label} 2>/dev/null || blkid -L {label}"
)
FAILED = "/tmp/lava-fetch-failed"  # noqa: S108 - on the board, which is ours


def deploy_by_master(
    shell: Shell,
    device: Device,
    image: Image,
    bundle: OverlayBundle | None,
    servers: Servers,
    deadline: Deadline,
    step: Callable[[str], None],
) -> bool:
    """Put both partitions of `image` onto the board; return whether `bundle` is in its root."""
    return _Master(shell, device, servers, step).deploy(image, bundle, deadline)


class _Master:
    """The master image's shell, and what is typed at it."""

    def __init__(
        self, shell: Shell, device: Device, servers: Servers, step: Callable[[str], None]
    ) -> None:
        if device.dispatcher_ip is None:
            raise DeployError(
                f"{device.name}: dispatcher_ip has to say where the board reaches this host"
            )
        self._shell = shell
        self._device = device
        self._host = device.dispatcher_ip
        self._servers = servers
        self._step = step
        self._fetch = ""

    def deploy(self, image: Image, bundle: OverlayBundle | None, deadline: Deadline) -> bool:
        self._step("master image: getting an address")
        self._fetch = fetch_command(self._shell)
        address = bring_up(self._shell, self._device.network)
        self._step(f"master image: has the address {address}")
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
        place = f"/mnt/{label}"
        self._ask(f"while umount {device} 2>/dev/null; do :; done; mkdir -p {place}", "unmounting")
        self._make(label, device)
        # Not every kernel loads by itself the module of a file system that it is to mount.
        kind = "modprobe vfat 2>/dev/null; mount -t vfat" if label == BOOT else "mount"
        self._must(f"{kind} {device} {place}", f"mounting {label}")
        self._unpack(tarball, place, label, FETCH_WAIT[label])
        if label == ROOT:
            self._keep_boot_files(place)
        if bundle is not None:
            self._put_in(bundle, place)
        self._must("sync", f"writing {label} out", FETCH_WAIT[label])
        self._must(f"umount {place}", f"unmounting {label}", FETCH_WAIT[label])

    def _find(self, label: str) -> str:
        code, output = self._ask(FIND.format(label=label), f"finding {label}")
        found = output.strip()
        if code or not found.startswith("/dev/"):
            raise DeployError(
                f"master image: no partition is labelled {label}: label it, or set "
                f"deploy.master.{label} to its device"
            )
        return found

    def _make(self, label: str, device: str) -> None:
        said = "the board has none of the programs for it"
        for command in MKFS[label]:
            if not self._shell.has(command.split()[0]):
                continue
            line = command.format(label=label, device=device)
            self._step(f"master image: {line}")
            code, output = self._ask(f"{line} 2>&1", f"making {label}", MKFS_WAIT)
            if code == 0:
                return
            said = f"'{line}' exited with {code}: {output}"
        raise DeployError(f"master image: making {label}: {said}")

    def _unpack(self, tarball: Path, place: str, label: str, limit: float) -> None:
        """Fetch and unpack in one go: the board has nowhere else to put it."""
        url = self._servers.publish_http(tarball, "files.tgz", self._host)
        size = tarball.stat().st_size / 1e6
        fetch = self._fetch.format(file="-", url=url)
        # Of a pipe the shell tells how its end went, and not how its beginning did.
        line = (
            f"rm -f {FAILED}; {{ {fetch} || : >{FAILED}; }} | tar -C {place} -xz"
            f"{'o' if label == BOOT else ''}f - && [ ! -e {FAILED} ]"
        )
        try:
            for number in range(1, TRIES + 1):
                self._step(f"master image: fetching {label}, {size:.1f} MB over HTTP")
                code, output = self._ask(f"{{ {line}; }} 2>&1", f"fetching {label}", limit)
                if code == 0:
                    return
                reason = (output.splitlines() or [f"exit code {code}"])[-1]
                if number < TRIES:
                    self._step(f"master image: fetching {label} failed ({reason}): trying again")
                    time.sleep(self._shell.deadline.within(PAUSE))
        finally:
            self._servers.withdraw(url)
        where = f"http://{self._host}"
        raise DeployError(
            f"master image: fetching {label} from {where} failed {TRIES} times: {reason}"
        )

    def _put_in(self, bundle: OverlayBundle, place: str) -> None:
        self._unpack(bundle.archive, place, "the overlay", STEP_WAIT)
        for path, content in bundle.files.items():
            url = self._servers.publish_http(content, "file", self._host)
            try:
                command = self._fetch.format(file=shlex.quote(place + path), url=url)
                self._must(command, "fetching the overlay's environment")
            finally:
                self._servers.withdraw(url)

    def _keep_boot_files(self, place: str) -> None:
        """Keep the image's packages from writing a boot loader over the master's."""
        program = f"{place}/usr/sbin/flash-kernel"
        self._must(
            f"if [ -e {program} ]; then mv {program} {program}.lava && "
            f"ln -s /bin/true {program}; fi",
            "taking flash-kernel out of the way",
        )

    def _must(self, command: str, what: str, timeout: float = STEP_WAIT) -> None:
        code, output = self._ask(f"{{ {command}; }} 2>&1", what, timeout)
        if code:
            raise DeployError(f"master image: {what}: '{command}' exited with {code}: {output}")

    def _ask(self, command: str, what: str, timeout: float = STEP_WAIT) -> tuple[int, str]:
        answer = self._shell.ask(command, timeout)
        if answer is None:
            raise DeployError(
                self._shell.explain(f"master image: {what}: not done within {timeout:g} s")
            )
        return answer
