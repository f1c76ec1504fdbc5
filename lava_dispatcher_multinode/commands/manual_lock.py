"""Manual use of one board of the lab: its device, lock and power switch."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..boards.power.switch import configured_switch
from ..errors import BoardsUnavailable, InvalidJob, PowerError
from ..job.hints import suggest
from ..lab.device_files import load_lab
from ..lab.device_model import LAVA
from ..lab.lockfiles import Holder, LockFile, lock_directory
from ..lava.dictionary import with_commands

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ..boards.power.switch import PowerSwitch
    from ..lab.device_model import Device

#: Power actions, and how they are reported.
SWITCHED = {"on": "on", "off": "off", "cycle": "off and on again"}


class BoardHeld(BoardsUnavailable):
    """Another process holds the board."""

    def __init__(self, name: str, holder: Holder) -> None:
        super().__init__(f"{name} is held by {holder}")
        self.holder = holder


def find_device(name: str, config_dir: Path | None) -> Device:
    """Return the board `name`; raise `InvalidJob` if it is missing or its file is invalid."""
    lab = load_lab(config_dir)
    for device in lab.devices:
        if device.name == name:
            return with_commands(device) if device.host == LAVA else device
    if name in lab.invalid:
        raise lab.invalid[name].error
    names = [device.name for device in lab.devices]
    hint = (
        suggest(name, names, what="boards")
        if names
        else "'lava-multinode init' writes a first one"
    )
    raise InvalidJob.about(name, "no device file for this board", hint)


def power_switch_of(device: Device) -> PowerSwitch:
    """Return the board's power switch; raise `PowerError` if it has none."""
    if device.connection.is_virtual:
        raise PowerError(
            f"{device.name}: is a virtual board: it has no power switch outside a run"
        )
    switch = configured_switch(device)
    if switch is None:
        raise PowerError(
            f"{device.name}: no power switch is configured; set 'power' (on and off, cycle, "
            f"pdudaemon or manual) in {device.file}"
        )
    return switch


@contextmanager
def locked(device: Device, purpose: str) -> Iterator[None]:
    """Hold the board's lock, as a job does; raise `BoardHeld` if it is taken."""
    lock = LockFile(lock_directory(), device.name)
    if not lock.acquire(purpose):
        raise BoardHeld(device.name, lock.holder() or Holder())
    try:
        yield
    finally:
        lock.release()
