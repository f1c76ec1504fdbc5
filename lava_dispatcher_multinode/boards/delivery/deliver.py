"""The overlay onto a board that has booted: by the first of its ways that works."""

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
    from .bundle import Parcel


def deliver(
    shell: Shell,
    parcel: Parcel,
    device: Device,
    servers: Servers,
    step: Callable[[str], None],
    *,
    put_in: bool,
) -> None:
    """See to it that `parcel` is on the board; `DeployError` with every way's reason.

    `put_in`: it was put into the image, and is there if the board says so.
    """
    size = parcel.archive.stat().st_size
    reasons: list[str] = []
    for way in device.overlay:
        try:
            if way == "image":
                if not put_in:
                    continue
                if _is_there(shell, parcel):
                    step("the overlay is on the board already, with its image")
                    return
                raise DeployError("it is not in the file system that the board has booted")
            if way == "http":
                if device.dispatcher_ip is None:
                    continue
                step(f"putting the overlay on the board: {size} bytes over HTTP")
                over_http(shell, parcel, device, servers)
                return
            step(f"putting the overlay on the board: {size} bytes over the console")
            over_console(shell, parcel)
        except (DeployError, BootError) as error:
            reasons.append(f"{way}: {error}")
            first = str(error).partition("\n")[0]
            step(f"the overlay does not get onto the board by {way}: {first}")
        else:
            return
    why = "; ".join(reasons) or "none of the ways of its overlay key is open to it"
    raise DeployError(f"{device.name}: the overlay did not get onto the board: {why}")


def _is_there(shell: Shell, parcel: Parcel) -> bool:
    return shell.run(f"cat {shlex.quote(parcel.mark_path)}")[1].strip() == parcel.mark
