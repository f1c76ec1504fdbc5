"""The QEMU machines of emulated boards: their program, arguments and firmware.

Their settings of boot loader and Linux are a layer of device files: lab/defaults/machines.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..errors import InfrastructureError
from .test_image import image_cache

NANOPI = "usr/lib/u-boot/nanopi_neo/u-boot-sunxi-with-spl.bin"


@dataclass(frozen=True)
class Machine:
    """One QEMU machine; `u_boot` if it starts Debian's U-Boot unless a job names a kernel.

    `arguments`, `card`, `host_nic` and `group_nic` are arguments of QEMU, with `{card}`
    for the drive file, and `{id}` and `{mac}` for the network. `firmware_offset` is the byte
    of the card at which the boot ROM reads the firmware; None: QEMU gets it by path.
    `group_modules` are the kernel modules for the network of the group.
    `last_is_first`: Linux and U-Boot count the network cards from the last one.
    """

    arguments: tuple[str, ...]
    memory: int  # MiB
    card: tuple[str, ...]
    host_nic: tuple[str, ...]
    group_nic: tuple[str, ...]
    firmware_offset: int | None = None
    group_modules: tuple[str, ...] = ()
    program: str = "qemu-system-arm"
    console: str = "ttyAMA0"
    root_disk: str = "/dev/vda"
    u_boot: bool = True
    last_is_first: bool = True


def _with_pci(program: str, console: str, *arguments: str) -> Machine:
    nic = ("-device", "virtio-net-pci,netdev={id},mac={mac}")
    card = (
        *("-drive", "file={card},format=raw,if=none,id=card,cache=unsafe"),
        *("-device", "virtio-blk-pci,drive=card"),
    )
    return Machine(
        arguments, 512, card, nic, nic, program=program, console=console, u_boot=False,
        last_is_first=False,
    )  # fmt: skip


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
        # With a thread per processor, a flush waits for all four: 30 s to a shell, not 15.
        ("-M", "orangepi-pc", "-accel", "tcg,thread=single"),
        1024,
        ("-drive", "file={card},format=raw,if=sd,cache=unsafe"),
        ("-net", "nic,netdev={id},macaddr={mac}"),
        ("-device", "usb-net,netdev={id},mac={mac}"),
        firmware_offset=8192,
        group_modules=("phy_sun4i_usb", "ohci_platform", "cdc_ether"),
        console="ttyS0",
        root_disk="/dev/mmcblk0",
    ),
    "x86_64": _with_pci("qemu-system-x86_64", "ttyS0"),
    "aarch64": _with_pci("qemu-system-aarch64", "ttyAMA0", "-M", "virt"),
    "riscv64": _with_pci("qemu-system-riscv64", "ttyS0", "-M", "virt"),
}

#: The processor that QEMU emulates, where its default is none or is too old for programs of today.
#: Tables of five levels cost time at each miss.
EMULATED_CPU = {"x86_64": "max,la57=off", "aarch64": "cortex-a57"}
#: QEMU's program -> the Debian packages that a board needs.
PACKAGES = {
    "qemu-system-arm": "qemu-system-arm u-boot-qemu",
    "qemu-system-aarch64": "qemu-system-arm",
    "qemu-system-riscv64": "qemu-system-misc",
    "qemu-system-x86_64": "qemu-system-x86",
}


def find_firmware(machine: str, configured: str | None) -> Path:
    """Return the firmware file of a machine: `configured`, or Debian's U-Boot.

    Raise `InfrastructureError`.
    """
    if configured is not None:
        path, hint = Path(configured), "check connection.qemu.firmware"
    elif machine == "virt":
        path, hint = Path("/usr/lib/u-boot/qemu_arm/u-boot.bin"), "apt-get install u-boot-qemu"
    else:
        # An armhf package, which only an ARM host could install.
        path = image_cache.unpack_package("u-boot-sunxi") / NANOPI
        hint = "the content of the Debian package has changed"
    if not path.is_file():
        raise InfrastructureError(f"no U-Boot for the machine {machine}: {path}: {hint}")
    return path
