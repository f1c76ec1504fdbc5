"""The boards of a run that are processes of its own: simulated and emulated ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from contextlib import ExitStack
    from pathlib import Path

    from ..boards.hardware import VirtualBoard
    from ..lab.device_model import Device
    from ..simulator.simulated_lab import SimulatedBoard, SimulatedLab
    from .events import EventLog


def start_virtual_boards(
    devices: Sequence[Device],
    scratch: Path,
    log: EventLog,
    stack: ExitStack,
    *,
    unconfined: bool = False,
) -> dict[str, VirtualBoard]:
    """Return the boards that have to be made, by name: all of them before any gets power.

    They are gone when `stack` is closed.
    """
    boards: dict[str, VirtualBoard] = {}
    simulated = [device for device in devices if device.connection.simulated]
    emulated = [device for device in devices if device.connection.qemu]
    if simulated:
        boards.update(_simulate(simulated, scratch / "simulated", log, stack, unconfined))
    if emulated:
        boards.update(_emulate(emulated, scratch / "emulated", log, stack))
    return boards


def _simulate(
    devices: Sequence[Device], directory: Path, log: EventLog, stack: ExitStack, unconfined: bool
) -> Mapping[str, VirtualBoard]:
    from ..simulator.simulated_lab import SimulatedLab

    directory.mkdir()
    lab = stack.enter_context(SimulatedLab(directory, unconfined=unconfined))
    _tell_confinement(lab, log)
    boards = {}
    for device in devices:
        assert device.simulated_firmware is not None  # as lab.device_checks has found
        boards[device.name] = lab.add(device.name, device.simulated_firmware, device.simulated)
    for name in lab.unknown_fault_names():
        text = f"LAVA_SIMULATED_FAULTS names '{name}', and no simulated board of the job is that"
        log.emit("log", node=None, level="WARNING", text=text)
    stack.callback(_tell_pending, boards.values(), log)
    return boards


def _tell_confinement(lab: SimulatedLab, log: EventLog) -> None:
    """Say how boards are confined; a weaker way, or a board that lacks something, is a warning."""
    reason = "; ".join(f"{way}: {why}" for way, why in lab.refused.items())
    log.emit(
        "log",
        node=None,
        level="WARNING" if reason else "INFO",
        text=f"simulated boards: {lab.confinement}"
        + (f", a weaker confinement, because {reason}" if reason else ""),
        confinement={"way": lab.confinement, "reason": reason or None},
    )
    if lab.lacks:
        log.emit("log", node=None, level="WARNING", text=f"simulated boards: {lab.lacks}")


def _tell_pending(boards: Iterable[SimulatedBoard], log: EventLog) -> None:
    """Warn of faults that were asked for and not met: the run proves nothing of them."""
    for board in boards:
        for fault in board.pending:
            text = f"its fault '{fault}' has not happened: the run ended before it was due"
            log.emit("log", node=board.name, level="WARNING", text=text)


def _emulate(
    devices: Sequence[Device], directory: Path, log: EventLog, stack: ExitStack
) -> dict[str, VirtualBoard]:
    from ..qemu.qemu_lab import EmulatedLab

    directory.mkdir()
    lab = stack.enter_context(EmulatedLab(directory))
    text = f"emulated boards: {lab.slots.size} boot at a time"
    log.emit("log", node=None, level="INFO", text=text)
    return {device.name: lab.add(device) for device in devices}
