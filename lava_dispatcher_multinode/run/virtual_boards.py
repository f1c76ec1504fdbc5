"""The virtual boards of a run: simulated and emulated ones."""

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
    """Start the virtual boards of `devices`, powered off; return them by name.

    They end when `stack` is closed.
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
    _log_confinement(lab, log)
    boards = {}
    for device in devices:
        assert device.simulated_firmware is not None  # as lab.device_checks has found
        boards[device.name] = lab.add(device.name, device.simulated_firmware, device.simulated)
    for name in lab.unknown_fault_names():
        text = f"LAVA_SIMULATED_FAULTS: no simulated board of the job is named '{name}'"
        log.emit("log", node=None, level="WARNING", text=text)
    stack.callback(_log_pending_faults, boards.values(), log)
    return boards


def _log_confinement(lab: SimulatedLab, log: EventLog) -> None:
    """Log the confinement; warn of a weaker one and of missing features."""
    reason = "; ".join(f"{way}: {why}" for way, why in lab.refused.items())
    log.emit(
        "log",
        node=None,
        level="WARNING" if reason else "INFO",
        text=f"simulated boards: {lab.confinement}"
        + (f" (weaker confinement: {reason})" if reason else ""),
        confinement={"way": lab.confinement, "reason": reason or None},
    )
    if lab.lacks:
        log.emit("log", node=None, level="WARNING", text=f"simulated boards: {lab.lacks}")


def _log_pending_faults(boards: Iterable[SimulatedBoard], log: EventLog) -> None:
    """Warn of requested faults that have not occurred: the run proves nothing about them."""
    for board in boards:
        for fault in board.pending:
            text = f"the fault '{fault}' has not occurred before the end of the run"
            log.emit("log", node=board.name, level="WARNING", text=text)


def _emulate(
    devices: Sequence[Device], directory: Path, log: EventLog, stack: ExitStack
) -> dict[str, VirtualBoard]:
    from ..qemu.qemu_lab import EmulatedLab

    directory.mkdir()
    lab = stack.enter_context(EmulatedLab(directory))
    text = f"emulated boards: {lab.slots.size} boot at a time"
    log.emit("log", node=None, level="INFO", text=text)
    boards = {device.name: lab.add(device) for device in devices}
    for name, board in boards.items():
        log.emit("log", node=name, level="INFO", text=f"{board.program}: {board.acceleration}")
    return dict(boards)
