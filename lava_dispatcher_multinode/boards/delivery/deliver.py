"""Delivers the overlay to a booted board by the first method that works."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from ...errors import BootError, DeployError
from .over_console import over_console
from .over_http import over_http

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...lab.device_model import Device
    from ...serve.servers import Servers
    from ..shell import Shell
    from ..shell_files import ShellUploader
    from .bundle import OverlayBundle


def deliver(
    uploader: ShellUploader,
    bundle: OverlayBundle,
    device: Device,
    servers: Servers,
    step: Callable[[str], None],
    *,
    in_image: bool,
) -> None:
    """Put `bundle` on the board by the methods of the key `overlay`, in their order.

    `in_image`: the deploy put the bundle into the image; the board's checksum file
    confirms it. Raises `DeployError` with the reason of each method if all fail.
    """
    shell = uploader.shell
    size = bundle.archive.stat().st_size
    reasons: list[str] = []
    for method in device.overlay:
        try:
            if method == "image":
                if not in_image:
                    continue
                if _is_present(shell, bundle):
                    step("the overlay is on the board already: the image contains it")
                    return
                raise DeployError("the booted file system does not contain it")
            if method == "http":
                if device.dispatcher_ip is None:
                    continue
                step(f"delivering the overlay over HTTP: {size} bytes")
                over_http(shell, bundle, device, servers)
                return
            step(f"delivering the overlay over the console: {size} bytes")
            over_console(uploader, bundle)
        except (DeployError, BootError) as error:
            reasons.append(f"{method}: {error}")
            first = str(error).partition("\n")[0]
            step(f"overlay delivery by {method} failed: {first}")
        else:
            return
    why = "; ".join(reasons) or "no method of its overlay key is available"
    raise DeployError(f"{device.name}: overlay delivery failed: {why}")


def _is_present(shell: Shell, bundle: OverlayBundle) -> bool:
    found = shell.run(f"cat {shlex.quote(bundle.checksum_path)}")[1]
    return found.strip() == bundle.checksum
