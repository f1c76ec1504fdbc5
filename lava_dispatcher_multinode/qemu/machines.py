"""The machines that a board can be: what QEMU is told, and where their firmware is from.

What U-Boot and Linux are told on them is a layer of device files: lab/defaults/machines.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..errors import InfrastructureError
from .test_image import image_cache

NANOPI = "usr/lib/u-boot/nanopi_neo/u-boot-sunxi-with-spl.bin"


@dataclass(frozen=True)
class Machine:
    """One of QEMU's boards, with Debian's U-Boot.

    `arguments`, `card`, `host_nic` and `group_nic` are words for QEMU, with `{card}`
    for the drive's file, `{id}` and `{mac}` for the network's. `on_card`: the byte of
    the card from which the boot ROM reads the firmware; None: QEMU gets its path.
    `group_modules`: what Linux loads for the group's network, where that takes its time.
    """

    arguments: tuple[str, ...]
    memory: int  # MiB
    card: tuple[str, ...]
    host_nic: tuple[str, ...]
    group_nic: tuple[str, ...]
    on_card: int | None = None
    group_modules: tuple[str, ...] = ()


MACHINES = {
    "virt": Machine(
        ("-M", "virt", "-cpu", "cortex-a15"),
        256,
        (
            *("-drive", "file={card},format=raw,if=none,id=card,cache=unsafe"),
            *("-device", "virtio-blk-device,drive=card"),
        ),
        ("-device", "virtio-net-device,netdev={id},mac={mac}"),
        ("-device", "virtio-net-device,netdev={id},mac={mac}"),
    ),
    "orangepi-pc": Machine(
        # A thread for each of its four processors would make every flush of one wait for
        # all: 30 s to a shell instead of 15.
        ("-M", "orangepi-pc", "-accel", "tcg,thread=single"),
        1024,
        ("-drive", "file={card},format=raw,if=sd,cache=unsafe"),
        ("-net", "nic,netdev={id},macaddr={mac}"),
        ("-device", "usb-net,netdev={id},mac={mac}"),
        on_card=8192,
        group_modules=("phy_sun4i_usb", "ohci_platform", "cdc_ether"),
    ),
}


def firmware(machine: str, configured: str | None) -> Path:
    """Return the file of the machine's firmware: `configured`, or Debian's U-Boot."""
    if configured is not None:
        path, hint = Path(configured), "connection.qemu.firmware says so"
    elif machine == "virt":
        path, hint = Path("/usr/lib/u-boot/qemu_arm/u-boot.bin"), "apt-get install u-boot-qemu"
    else:
        # No Debian machine but an ARM one could install it.
        path, hint = image_cache.package("u-boot-sunxi") / NANOPI, "Debian's package has changed"
    if not path.is_file():
        raise InfrastructureError(f"no U-Boot for the machine {machine}: {path}: {hint}")
    return path
