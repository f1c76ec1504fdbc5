"""Delivers the overlay over the board's network: the board fetches it from the dispatcher."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from ...errors import DeployError
from ..fetching import fetch_command
from ..network import bring_up
from .over_console import ARCHIVE
from .unpack import unpack

if TYPE_CHECKING:
    from ...lab.device_model import Device
    from ...serve.servers import Servers
    from ..shell import Shell
    from .bundle import OverlayBundle

FILE_TIMEOUT_S = 600.0  # for one file


def over_http(shell: Shell, bundle: OverlayBundle, device: Device, servers: Servers) -> None:
    """Make the board fetch the overlay; `DeployError` if it cannot."""
    host = device.dispatcher_ip
    if host is None:
        raise DeployError("dispatcher_ip is not set")
    command = fetch_command(shell)
    bring_up(shell, device.network)
    packed = bundle.root + ARCHIVE
    _fetch(shell, servers, command, host, bundle.archive.read_bytes(), packed)
    if not unpack(shell, packed, bundle.root):
        raise DeployError("the board has no tar that can unpack it")
    shell.run(f"rm -f {shlex.quote(packed)}")
    for path, content in bundle.files.items():
        _fetch(shell, servers, command, host, content, path)


def _fetch(
    shell: Shell, servers: Servers, command: str, host: str, content: bytes, path: str
) -> None:
    with servers.publish_http(content, "overlay", host) as url:
        line = command.format(url=url, file=shlex.quote(path))
        code, output = shell.run(line, timeout=FILE_TIMEOUT_S)
    if code:
        reason = output.splitlines()[-1:] or [f"exit code {code}"]
        raise DeployError(f"the board cannot fetch from http://{host}: {reason[0]}")
