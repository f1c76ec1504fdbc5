"""The supervisor process (`python -m`): waits for the run's end, and cleans up after a death.

Standard input is the socket of `supervisor.Supervisor`. Modules for the cleanup are imported
when there is something to clean up, which is rare.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from .cleanup_state import wait_for_end

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...lab.device_model import Device
    from ...report.results import Results
    from ..events import EventLog
    from .cleanup_state import CleanupState

DIED = "the dispatcher died (killed, crashed or out of memory)"


def main() -> int:
    """Wait for the end of the run, and clean up if needed; return the exit code."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)  # the dispatcher handles them
    with socket.socket(fileno=os.dup(0)) as link:
        state = wait_for_end(link)
    if state is not None:
        clean_up(state)
    return 0


def clean_up(state: CleanupState) -> None:
    """End the run's processes, power its devices off, remove its files, write its results."""
    from ...errors import MultinodeError
    from .leftovers import end_lava, end_processes
    from .scratch import remove

    ended = end_processes(state.run_id)
    failures = power_off(state.devices)
    ended += end_lava(state.run_id)
    for directory in state.scratch:
        remove(directory)
    text = f"{DIED}; its boards are off"
    if failures:
        text = f"{DIED}; NOT switched off: {'; '.join(failures.values())}"
    if state.output is not None:
        try:
            write_end(state, ended, failures)
            text += f"; its results are in {state.output}"
        except (MultinodeError, OSError) as error:
            text += f"; its results cannot be completed: {error}"
    _say(f"lava-dispatch: {text}")


def power_off(devices: Sequence[Device]) -> dict[str, str]:
    """Power all devices off at the same time; return the errors by device."""
    from ...boards.power.switch import configured_switch

    failures: dict[str, str] = {}

    def off(device: Device) -> None:
        try:
            switch = configured_switch(device)
            if switch is not None:
                switch.off()
        except Exception as error:  # noqa: BLE001 - the device may still be on
            failures[device.name] = str(error) or type(error).__name__

    threads = [threading.Thread(target=off, args=(device,)) for device in devices]
    for thread in threads:
        thread.start()
    for thread in threads:  # each switch has its own timeout
        thread.join()
    return failures


def write_end(state: CleanupState, ended: int, failures: dict[str, str]) -> None:
    """Append the end of the run to its events, and write its reports again.

    `ended` is the number of processes that were ended, `failures` errors by device.
    """
    from ...report.files import EVENTS, ReportWriter, read_results
    from ..events import EventLog, clock_since, record_job_end, remove_torn_line

    assert state.output is not None
    (state.output / EVENTS).touch()  # it died before its first event
    remove_torn_line(state.output / EVENTS)
    recorder = ReportWriter(state.output)
    recorder.results = read_results(state.output)
    if recorder.results.over:
        recorder.write()  # it died between the last event and the reports
        return
    clock = clock_since(state.started)
    with EventLog(state.output / EVENTS, clock, append=True) as log:
        log.subscribe(recorder.results.feed)
        also = f" ({ended} processes of the run were ended)" if ended else ""
        log.emit("log", node=None, level="ERROR", text=f"{DIED}{also}")
        for node, text in failures.items():
            log.emit("log", node=node, level="ERROR", text=text)
        _end_nodes(recorder.results, log)
        record_job_end(log, recorder.results)
    recorder.write()


def _end_nodes(results: Results, log: EventLog) -> None:
    for name, node in list(results.nodes.items()):
        if node.recorded_status is not None:
            continue
        for index, action in list(node.actions.items()):
            if action.status is None:
                log.emit(
                    "action_finished",
                    node=name,
                    index=index,
                    command=action.command,
                    status="error",
                    seconds=round(results.last - (action.started or 0.0), 3),
                    error=DIED,
                )
        log.emit(
            "node_finished", node=name, status="error", error_type="infrastructure", error=DIED
        )


def _say(text: str) -> None:
    with suppress(OSError, ValueError):  # the terminal is closed
        sys.stderr.write(text + "\n")
        sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
