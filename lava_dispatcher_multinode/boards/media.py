"""Deploying by `media`: the dispatcher writes the board's card, which an SD-mux lends it."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import DeployError
from ..images.card import write_card

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..deadline import Deadline
    from ..lab.device import Device

MUX_WAIT = 60.0  # seconds for one command of the SD-mux


def write_media(
    device: Device,
    card: str | None,
    image: Path,
    deadline: Deadline,
    progress: Callable[[int, int], None],
) -> None:
    """Write `image` to the card of `device`, whose power is off."""
    deploy = device.deploy
    if deploy.method != "media":
        raise DeployError(_unconfigured(device))
    if card is None:
        raise DeployError(
            f"{_file(device)}: deploy.path is missing: the card's block device or file"
        )
    _run(deploy.to_host, "deploy.to_host", device, deadline)
    if card.startswith("/dev/") and not Path(card).is_block_device():
        raise DeployError(f"{device.name}: {card} is no block device: is the card in its reader?")
    try:
        write_card(image, Path(card), deploy.layout, progress=progress)
    except PermissionError as error:
        raise DeployError(
            f"{device.name}: not allowed to write {card}: run as root, or give your user's group "
            f"the device (udev rule): {error.strerror}"
        ) from error
    except OSError as error:
        raise DeployError(f"{device.name}: cannot write {card}: {error}") from error
    finally:
        _run(deploy.to_board, "deploy.to_board", device, deadline)


def _run(command: str | None, key: str, device: Device, deadline: Deadline) -> None:
    if command is None:
        return
    limit = deadline.within(MUX_WAIT)
    try:
        done = subprocess.run(
            ["/bin/sh", "-c", command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=limit,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise DeployError(
            f"{device.name}: {key} '{command}' has not ended within {limit:.0f} s"
        ) from None
    if done.returncode:
        text = (done.stderr or done.stdout).decode("utf-8", "backslashreplace").strip()[-500:]
        raise DeployError(
            f"{device.name}: {key} '{command}' exited with {done.returncode}: {text}"
        )


def _file(device: Device) -> str:
    return str(device.file) if device.file else device.name


def _unconfigured(device: Device) -> str:
    return (
        f"{_file(device)}: no way to deploy an image is configured: set deploy.method to 'media' "
        "with deploy.path, or to 'none' if the right image is on the board already"
    )
