"""Deploying by `media`: the dispatcher writes the board's card, which an SD-mux lends it."""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import DeployError
from ..images.card import write_card
from .host_command import Failed, run_command

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..deadline import Deadline
    from ..lab.device import Device

MUX_WAIT = 60.0  # seconds for one command of the SD-mux
CARD_WAIT = 15.0  # seconds from the mux's command to the card's device


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
    try:
        _switch(deploy.to_host, "deploy.to_host", device)
        _wait_for_device(Path(card), device, deadline)
        write_card(image, Path(card), deploy.layout, progress=progress)
    except PermissionError as error:
        raise DeployError(
            f"{device.name}: not allowed to write {card}: run as root, or give your user's group "
            f"the device (udev rule): {error.strerror}"
        ) from error
    except OSError as error:
        raise DeployError(f"{device.name}: cannot write {card}: {error}") from error
    finally:
        # Whatever happened, the card does not stay with the host.
        _switch(deploy.to_board, "deploy.to_board", device)


def _wait_for_device(card: Path, device: Device, deadline: Deadline) -> None:
    """Wait until the card that the mux has just lent the host is there, with its medium.

    The kernel's events for that need a root or a library of their own; a look
    ten times a second for some seconds does not.
    """
    if not card.is_relative_to("/dev"):
        return  # a file is made
    until = time.monotonic() + deadline.within(CARD_WAIT)
    while True:
        try:
            if card.is_block_device():
                # Exclusive: a disk that the host has mounted is no card.
                os.close(os.open(card, os.O_RDWR | os.O_EXCL))
                return
            reason = "is no block device"
        except OSError as error:
            if error.errno not in {errno.ENOMEDIUM, errno.ENXIO, errno.ENOENT}:
                raise
            reason = f"cannot be opened: {error.strerror}"
        if time.monotonic() >= until:
            raise DeployError(f"{device.name}: {card} {reason}: is the card in its reader?")
        deadline.check(f"waiting for {card}")
        time.sleep(0.1)


def _switch(command: str | None, key: str, device: Device) -> None:
    if command is not None:
        try:
            run_command(command, MUX_WAIT)
        except Failed as error:
            raise DeployError(f"{device.name}: {key} '{command}' {error}") from None


def _file(device: Device) -> str:
    return str(device.file) if device.file else device.name


def _unconfigured(device: Device) -> str:
    return (
        f"{_file(device)}: no way to deploy an image is configured: set deploy.method to 'media' "
        "with deploy.path, or to 'none' if the right image is on the board already"
    )
