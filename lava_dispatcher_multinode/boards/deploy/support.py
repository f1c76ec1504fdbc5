"""Which kinds of files can be deployed by which `deploy.method` of a device file."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ...lab.device_model import Device

#: Kind of files -> the methods that deploy it. `none` deploys nothing, whatever the kind.
METHODS = {"image": ("media", "master", "none"), "kernel": ("tftp", "none")}
_KINDS = {"image": "an image", "kernel": "kernels"}
NO_PATH = "deploy.path is missing: the card's block device or file"
ADDRESS = "this host's address in the board's network"
HINTS = {
    "image": "set deploy.method to 'media' with deploy.path, to 'master', or to "
    "'none' if the right image is on the board already",
    "kernel": "set deploy.method to 'tftp', or to 'none' if the board boots by itself",
}


def unsupported_reason(device: Device, kind: str) -> str | None:
    """Return why `kind` ("image" or "kernel") cannot be deployed to `device`; None if it can."""
    method = device.deploy.method
    direct = kind == "kernel" and starts_kernels(device)
    if method in METHODS[kind] or direct:
        missing = _missing_key(device)
        return f"{device.place}: {missing}" if missing else None
    have = "no deploy.method is configured" if method is None else f"deploy.method is '{method}'"
    return f"{device.place}: {have}, which cannot deploy {_KINDS[kind]}: {HINTS[kind]}"


def starts_kernels(device: Device) -> bool:
    """Return whether QEMU itself starts the kernels that a job names, without a boot loader."""
    return device.connection.qemu is not None and device.deploy.method == "media"


def _missing_key(device: Device) -> str | None:
    """Return the key that the method needs and the device file lacks, if any."""
    deploy = device.deploy
    if deploy.method == "media" and not (deploy.path or device.connection.is_virtual):
        return NO_PATH
    if deploy.method == "master" and not device.dispatcher_ip:
        return f"dispatcher_ip is missing: {ADDRESS}"
    if deploy.method == "tftp":
        if not (deploy.tftp.host or device.dispatcher_ip):
            return f"deploy.tftp.host or dispatcher_ip is missing: {ADDRESS}"
        tftp = deploy.tftp
        named = (tftp.kernel, tftp.bootm.kernel, tftp.bootz.kernel, tftp.booti.kernel)
        if device.bootloader == "u-boot" and not any((*named, *tftp.commands)):
            return "deploy.tftp.kernel is missing: the load address"
    return None
