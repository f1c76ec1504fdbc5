"""Deploying by `tftp`: U-Boot fetches kernel, device tree and ramdisk at each boot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...errors import DeployError, ImageError
from ...images import ramdisk, uimage
from ...images.compression import DamagedFile
from ...images.inject import InjectionFailed

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...images.store import Image
    from ...lab.device_model import Device
    from ...serve.servers import Servers
    from ..delivery.bundle import OverlayBundle

#: Ramdisk and device tree stay where they were loaded, for U-Boots that move them too far up.
HIGH = ("setenv initrd_high 0xffffffff", "setenv fdt_high 0xffffffff")
PORT = 69  # at which U-Boot asks, unless it is told otherwise and knows how


@dataclass(frozen=True)
class BootFiles:
    """What a job names."""

    kernel: Image
    ramdisk: Image | None = None
    dtb: Image | None = None


def boot_commands(
    device: Device,
    boot: BootFiles,
    bundle: OverlayBundle | None,
    servers: Servers,
    step: Callable[[str], None],
) -> tuple[tuple[str, ...], bool]:
    """Serve the files; return U-Boot's lines, and whether `bundle` is in the ramdisk.

    Raise `DeployError` where the device file lacks something, or a file is
    nothing that U-Boot boots.
    """
    tftp = device.deploy.tftp
    host = tftp.host or device.dispatcher_ip
    if host is None:
        raise DeployError(
            f"{device.name}: deploy.tftp.host or dispatcher_ip has to say where the board "
            "reaches this host"
        )
    start = _start_word(boot.kernel)
    disk, in_image = _ramdisk(device, boot.ramdisk, bundle, step)
    files = {"kernel": boot.kernel.path, "ramdisk": disk, "dtb": _device_tree(boot.dtb)}
    contents = {name: content for name, content in files.items() if content is not None}
    words = {"kernel": "", "ramdisk": "-", "dtb": ""}
    lines = [*tftp.setup, f"setenv serverip {host}"]
    if tftp.port != PORT:
        lines.append(f"setenv tftpdstp {tftp.port}")
    for name, content in contents.items():
        address = getattr(tftp, name)
        if address is None:
            raise DeployError(f"{device.name}: deploy.tftp.{name} is missing: the load address")
        if tftp.directory is None:
            path = servers.publish_tftp(content, name, host, tftp.port)
        else:
            path = servers.publish_to_directory(content, name, tftp.directory)
        lines.append(f"tftpboot {address} {path}")
        words[name] = address
    if tftp.bootargs:
        lines.append(f"setenv bootargs '{tftp.bootargs}'")
    step(f"serving {', '.join(contents)} to U-Boot by TFTP at {host}")
    rest = " ".join(words.values()).rstrip(" -")
    return (*lines, f"{start} {rest}"), in_image


def _device_tree(image: Image | None) -> bytes | None:
    if image is None:
        return None
    data = image.path.read_bytes()
    if not data.startswith(uimage.FDT_MAGIC):
        raise DeployError(f"{image.name}: is no device tree blob")
    return data


def _start_word(kernel: Image) -> str:
    """Return the command that starts this kind of kernel."""
    with kernel.path.open("rb") as file:
        head = file.read(4096)
    if uimage.is_zimage(head):
        return "bootz"
    try:
        header = uimage.parse(head)
    except ValueError as error:
        raise DeployError(f"{kernel.name}: its uImage header is broken: {error}") from None
    if header is None and not head.startswith(uimage.FDT_MAGIC):
        raise DeployError(f"{kernel.name}: is neither zImage, uImage nor FIT image")
    if header is not None and header.kind not in {uimage.KERNEL, uimage.MULTI}:
        raise DeployError(f"{kernel.name}: is a uImage of something else than a kernel")
    return "bootm"


def _ramdisk(
    device: Device, image: Image | None, bundle: OverlayBundle | None, step: Callable[[str], None]
) -> tuple[bytes | None, bool]:
    """Return the ramdisk as U-Boot wants it, and whether the overlay is in it."""
    if image is None:
        return None, False
    data = ramdisk.strip_header(image.path.read_bytes())
    in_image = bundle is not None and "image" in device.overlay
    if bundle is not None and in_image:
        try:
            data = ramdisk.add_files(data, bundle.archive, bundle.files)
        except InjectionFailed as error:
            step(f"the overlay does not go into the ramdisk: {error}")
            in_image = False
        except DamagedFile as error:
            raise ImageError(f"{image.name}: decompression failed: {error}") from None
    return ramdisk.add_header(data), in_image
