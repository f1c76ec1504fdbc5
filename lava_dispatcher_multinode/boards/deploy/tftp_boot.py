"""Deploy method `tftp`: the boot loader fetches kernel, device tree and ramdisk at each boot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from ...errors import DeployError, ImageError
from ...images import ramdisk as ramdisks
from ...images import uimage
from ...images.compression import DamagedFile
from ...images.inject import InjectionFailed
from ...lab.dictionary_boot import WORDS_WITHOUT_VALUE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from ...images.store import Image
    from ...lab.deploy_sections import Tftp
    from ...lab.device_model import Device
    from ...serve.servers import Servers
    from ..delivery.bundle import OverlayBundle


TFTP_PORT = 69  # the default of U-Boot


@dataclass(frozen=True)
class BootFiles:
    """The files that a job names."""

    kernel: Image
    ramdisk: Image | None = None
    dtb: Image | None = None
    rootfs: Image | None = None  # of boards whose emulator starts the kernel


class ServedFile(NamedTuple):
    """A file on the TFTP server: its path there, and the address where the board loads it.

    The address is empty for a boot loader that needs none.
    """

    path: str
    address: str


@dataclass(frozen=True)
class NetworkBoot:
    """A boot over the network, as a boot loader needs it to make its commands."""

    settings: Tftp
    host: str  # the TFTP server's address in the board's network
    kernel_type: str  # "zImage", "Image", "bzImage", "uImage" or "FIT"
    files: Mapping[str, ServedFile]  # "kernel", "ramdisk", "dtb": those that the job names

    @property
    def start(self) -> str:
        """U-Boot's command for a kernel of this type."""
        return _START.get(self.kernel_type, "bootm")


_START = {"zImage": "bootz", "Image": "booti"}
_X86_AT, _X86 = 0x202, b"HdrS"


def serve_boot_files(
    device: Device,
    boot: BootFiles,
    bundle: OverlayBundle | None,
    servers: Servers,
    step: Callable[[str], None],
) -> tuple[NetworkBoot, bool]:
    """Serve the files; return where they are, and whether `bundle` is in the ramdisk.

    Raises `DeployError` if the device file lacks a key, or a file is of the wrong kind.
    """
    tftp = device.deploy.tftp
    host = tftp.host or device.dispatcher_ip
    if host is None:
        raise DeployError(
            f"{device.name}: deploy.tftp.host or dispatcher_ip is missing: this host's address "
            "in the board's network"
        )
    dtb = device_tree(boot.dtb)
    kernel, kernel_type = _kernel(device, boot.kernel, dtb, step)
    ramdisk, in_ramdisk = ramdisk_with_overlay(device, boot.ramdisk, bundle, step)
    if ramdisk is not None and tftp.ramdisk_header != "none":
        ramdisk = ramdisks.add_header(ramdisk, tftp.ramdisk_header)
    contents = {"kernel": kernel, "ramdisk": ramdisk, "dtb": dtb}
    files = {}
    for name, content in contents.items():
        if content is None:
            continue
        address = _address(tftp, kernel_type, name)
        if not address and _needs_address(device, name):
            raise DeployError(f"{device.name}: deploy.tftp.{name} is missing: the load address")
        if tftp.directory is None:
            path = servers.publish_tftp(content, name, host, tftp.port)
        else:
            path = servers.publish_to_directory(content, name, tftp.directory)
        files[name] = ServedFile(path, address)
    step(f"serving {', '.join(files)} to the boot loader by TFTP at {host}")
    return NetworkBoot(tftp, host, kernel_type, files), in_ramdisk


def _needs_address(device: Device, name: str) -> bool:
    """Return whether a command has the load address of the file `name`."""
    if not (lines := device.deploy.tftp.commands):
        return device.bootloader == "u-boot"
    words = ("{BOOTX}", f"{{{name.upper()}_ADDR}}")
    return any(word in line for line in lines for word in words)


def dictionary_lines(network: NetworkBoot) -> tuple[str, ...]:
    """Return `deploy.tftp.commands` with the values of their words.

    As in LAVA, a line with a word that has no value is left out, and `{BOOTX}` has the address
    of the device tree also if the job names none: a line may load one from the board.
    """
    tftp, files = network.settings, network.files
    addresses = {
        name: _address(tftp, network.kernel_type, name) for name in ("kernel", "ramdisk", "dtb")
    }
    ramdisk = addresses["ramdisk"] if "ramdisk" in files else "-"
    size = ":${initrd_size}" if "ramdisk" in files and tftp.ramdisk_header == "none" else ""
    start = f"{network.start} {addresses['kernel']} {ramdisk}{size} {addresses['dtb']}"
    paths = {name: file.path for name, file in files.items()}
    values = {
        **dict.fromkeys(("{SERVER_IP}", "{LAVA_DISPATCHER_IP}"), network.host),
        "{KERNEL}": paths.get("kernel"),
        "{KERNEL_ADDR}": addresses["kernel"],
        **dict.fromkeys(("{RAMDISK}", "{INITRD}"), paths.get("ramdisk")),
        "{RAMDISK_ADDR}": ramdisk,
        "{DTB}": paths.get("dtb"),
        "{DTB_ADDR}": addresses["dtb"],
        "{BOOTX}": start.rstrip(),
        **dict.fromkeys(WORDS_WITHOUT_VALUE),
    }
    lines = [_filled(line, values) for line in tftp.commands]
    port = [f"setenv tftpdstp {tftp.port}"] if tftp.port != TFTP_PORT else []
    return (*port, *(line for line in lines if line is not None))


def _filled(line: str, values: Mapping[str, str | None]) -> str | None:
    for word, value in values.items():
        if word in line:
            if not value:
                return None
            line = line.replace(word, value)
    return line


def _address(tftp: Tftp, kernel_type: str, name: str) -> str:
    """Return the load address of a file with a kernel of this type; empty if there is none."""
    special = getattr(tftp, _START.get(kernel_type, "bootm"))
    return getattr(special, name) or getattr(tftp, name) or ""


def device_tree(image: Image | None) -> bytes | None:
    """Return the content of a device tree blob, after a check of its first bytes."""
    if image is None:
        return None
    data = image.path.read_bytes()
    if not data.startswith(uimage.FDT_MAGIC):
        raise DeployError(f"{image.name}: is not a device tree blob")
    return data


def _kernel(
    device: Device, image: Image, dtb: bytes | None, step: Callable[[str], None]
) -> tuple[Path | bytes, str]:
    """Return the kernel as the board gets it, and its type.

    As in LAVA, a kernel for whose type the board has no address becomes a uImage.
    """
    tftp, kind = device.deploy.tftp, _kernel_type(image)
    content: Path | bytes = image.path
    if tftp.append_dtb and dtb is not None:
        content = image.path.read_bytes() + dtb
    address = tftp.bootm.kernel
    if kind not in _START or _address(tftp, kind, "kernel") or not address:
        return content, kind
    try:
        load = int(address, 16)
    except ValueError:
        reason = f"deploy.tftp.bootm.kernel ('{address}') is no number: a uImage needs one"
        raise DeployError(f"{device.name}: {reason}") from None
    step(f"making a uImage of the {kind}: deploy.tftp.{_START[kind]} has no address")
    arch = "arm" if tftp.ramdisk_header == "none" else tftp.ramdisk_header
    data = content if isinstance(content, bytes) else content.read_bytes()
    entry = load + (uimage.HEADER if tftp.execute_in_place else 0)
    return uimage.make(data, "Linux", uimage.KERNEL, load, entry, arch), "uImage"


def _kernel_type(kernel: Image) -> str:
    """Return the type (see `NetworkBoot`), by the first bytes."""
    with kernel.path.open("rb") as file:
        head = file.read(4096)
    if uimage.is_zimage(head):
        return "zImage"
    if uimage.is_image(head):
        return "Image"
    if head[_X86_AT : _X86_AT + len(_X86)] == _X86:
        return "bzImage"
    try:
        header = uimage.parse(head)
    except ValueError as error:
        raise DeployError(f"{kernel.name}: its uImage header is damaged: {error}") from None
    if header is None:
        if not head.startswith(uimage.FDT_MAGIC):
            raise DeployError(
                f"{kernel.name}: is neither zImage, uImage nor FIT image, nor Image or bzImage"
            )
        return "FIT"
    if header.kind not in {uimage.KERNEL, uimage.MULTI}:
        raise DeployError(f"{kernel.name}: is a uImage, but not of a kernel")
    return "uImage"


def ramdisk_with_overlay(
    device: Device, image: Image | None, bundle: OverlayBundle | None, step: Callable[[str], None]
) -> tuple[bytes | None, bool]:
    """Return the ramdisk without a header of U-Boot, and whether it contains the overlay."""
    if image is None:
        return None, False
    data = ramdisks.strip_header(image.path.read_bytes())
    in_ramdisk = bundle is not None and "image" in device.overlay
    if bundle is not None and in_ramdisk:
        try:
            data = ramdisks.add_files(data, bundle.archive, bundle.files)
        except InjectionFailed as error:
            step(f"the overlay cannot be added to the ramdisk: {error}")
            in_ramdisk = False
        except DamagedFile as error:
            raise ImageError(f"{image.name}: decompression failed: {error}") from None
    return data, in_ramdisk
