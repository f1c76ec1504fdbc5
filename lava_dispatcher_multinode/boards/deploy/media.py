"""Deploy method `media`: the dispatcher writes the board's card, behind an SD-mux for example."""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import DeployError
from ...images import partitions
from ...images.card import ROOT_OF_MASTER, read_table, write_card
from ...images.inject import InjectionFailed, holds_root, inject_files
from ...images.progress import MB, ProgressReporter
from ...redaction import program
from ..host_command import HostCommandFailed, run_command
from .support import NO_PATH

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...deadline import Deadline
    from ...images.mbr import Partition
    from ...images.store import Image
    from ...lab.device_model import Device
    from ..delivery.bundle import OverlayBundle

MUX_TIMEOUT_S = 60.0  # for one command of the SD-mux
CARD_TIMEOUT_S = 15.0  # from the command of the SD-mux to the card's device
CARD_POLL_S = 0.1


def write_media(
    device: Device,
    card: str | None,
    image: Image,
    bundle: OverlayBundle | None,
    deadline: Deadline,
    step: Callable[[str], None],
) -> bool:
    """Write `image` to the card of `device`, whose power is off.

    Return whether its root file system contains `bundle`.
    """
    deploy = device.deploy
    if card is None:
        raise DeployError(f"{device.place}: {NO_PATH}")
    try:
        _switch_mux(deploy.to_host, "deploy.to_host", device)
        _wait_for_device(Path(card), device, deadline)
        _write(device, Path(card), image, deadline, step)
        return bundle is not None and _add_overlay(device, Path(card), bundle, deadline, step)
    except PermissionError as error:
        raise DeployError(
            f"{device.name}: not allowed to write {card}: run as root, or give your user's group "
            f"the device (udev rule): {error.strerror}"
        ) from error
    except OSError as error:
        reason = error.strerror or error
        raise DeployError(f"{device.name}: cannot write {card}: {reason}") from error
    finally:
        # The card goes back to the board after failures, too.
        _switch_mux(deploy.to_board, "deploy.to_board", device)


def _write(
    device: Device, card: Path, image: Image, deadline: Deadline, step: Callable[[str], None]
) -> None:
    bmap = None
    if device.deploy.layout == "image" and (bmap := image.bmap(deadline, step)) is not None:
        mapped, size = bmap.mapped / MB, bmap.image_size / MB
        step(f"writing the {mapped:.1f} of {size:.1f} MB that {bmap.name} maps")
    step(f"writing the card {card}")
    progress = ProgressReporter("writing the card", step, deadline)
    with image.open() as stream:
        missing = write_card(stream, card, device.deploy.layout, progress.report, bmap)
    if missing and not device.connection.is_virtual:  # a virtual board has its own U-Boot
        step(
            f"warning: the boot partition of {image.name} has no {' and no '.join(missing)}: a "
            "board that reads its boot loader from partition 1 of the card does not start; where "
            "the image has it elsewhere, set deploy.layout: image"
        )


def _add_overlay(
    device: Device,
    card: Path,
    bundle: OverlayBundle,
    deadline: Deadline,
    step: Callable[[str], None],
) -> bool:
    """Put the overlay into the root file system; False if that fails, for other methods."""
    if "image" not in device.overlay:
        return False
    step("adding the overlay to the image")
    try:
        root = _find_root(device, card, deadline, step)
        inject_files(card, root.start, bundle.archive, bundle.files, deadline)
    except (InjectionFailed, DeployError) as error:
        step(f"the overlay cannot be added to the image: {error}")
        return False
    return True


def _find_root(
    device: Device, card: Path, deadline: Deadline, step: Callable[[str], None]
) -> Partition:
    """Return the partition of the root file system."""
    table = read_table(card)
    for note in table.notes:
        step(f"warning: {note}")
    number = device.deploy.root_partition
    if device.deploy.layout == "master":
        number = ROOT_OF_MASTER
    if number is not None:
        root = table.find(number)
        if root is None:
            raise InjectionFailed(
                f"the card has no partition {number} ({table.describe()}): set "
                "deploy.root_partition"
            )
        return root
    with card.open("rb") as disk:
        root = partitions.find_root(
            disk, table, lambda part: holds_root(card, part.start, deadline)
        )
    if root is None:
        raise InjectionFailed(
            f"no partition of the card holds ext2, ext3 or ext4 ({table.describe()})"
        )
    return root


def _wait_for_device(card: Path, device: Device, deadline: Deadline) -> None:
    """Wait until the card that the SD-mux has switched to this host has a readable device.

    This polls: the kernel's events need root or another library.
    """
    if not card.is_relative_to("/dev"):
        return  # a file needs no device
    until = time.monotonic() + deadline.within(CARD_TIMEOUT_S)
    while True:
        try:
            if card.is_block_device():
                # O_EXCL fails for a disk that this host has mounted.
                os.close(os.open(card, os.O_RDWR | os.O_EXCL))
                return
            if card.exists():  # perhaps a file written while the card was absent
                raise DeployError(f"{device.name}: {card} is not a block device")
            reason = "does not exist"
        except OSError as error:
            if error.errno not in {errno.ENOMEDIUM, errno.ENXIO, errno.ENOENT}:
                raise
            reason = f"cannot be opened: {error.strerror}"
        if time.monotonic() >= until:
            raise DeployError(
                f"{device.name}: {card} {reason}: check that the card is in its reader"
            )
        deadline.check(f"waiting for {card}")
        time.sleep(CARD_POLL_S)


def _switch_mux(command: str | None, key: str, device: Device) -> None:
    if command is not None:
        try:
            run_command(command, MUX_TIMEOUT_S)
        except HostCommandFailed as error:
            raise DeployError(f"{device.name}: {key} '{program(command)}' {error}") from None
