"""`python -m`: waits for a run's end; puts everything in order if that is a death.

Standard input is the socket of `guard.Guard`. What is needed for the work is
imported when there is work: as a rule there is none.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from typing import TYPE_CHECKING

from .cleanup_state import wait_for_end

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...lab.device_model import Device
    from ...report.results import Results
    from ..events import EventLog
    from .cleanup_state import Estate

DIED = "the dispatcher ended without a word (killed, crashed, or out of memory)"


def main() -> int:
    """Wait, and clean up if need be; the process's exit code."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)  # the dispatcher's to hear; we wait for it
    with socket.socket(fileno=os.dup(0)) as link:
        estate = wait_for_end(link)
    if estate is not None:
        clean_up(estate)
    return 0


def clean_up(estate: Estate) -> None:
    """Do what the dispatcher would have done at its end; the boards come first."""
    from ...errors import MultinodeError
    from ..scratch import remove
    from .leftovers import end_lava, end_marked

    ended = end_marked(estate.mark)
    failures = switch_off(estate.devices)
    ended += end_lava(estate.mark)
    for directory in estate.scratch:
        remove(directory)
    text = f"{DIED}: its boards are off"
    if failures:
        text = f"{DIED}; NOT switched off: {'; '.join(failures.values())}"
    if estate.output is not None:
        try:
            write_end(estate, ended, failures)
            text += f"; what had happened is in {estate.output}"
        except (MultinodeError, OSError) as error:
            text += f"; its end cannot be written: {error}"
    _say(f"lava-dispatch: {text}")


def switch_off(devices: Sequence[Device]) -> dict[str, str]:
    """Switch all off at the same time; return what failed, by device."""
    from ...boards.power.switch import configured_switch

    failures: dict[str, str] = {}

    def off(device: Device) -> None:
        try:
            switch = configured_switch(device)
            if switch is not None:
                switch.off()
        except Exception as error:  # noqa: BLE001 - none of them must pass for switched off
            failures[device.name] = str(error) or type(error).__name__

    threads = [threading.Thread(target=off, args=(device,)) for device in devices]
    for thread in threads:
        thread.start()
    for thread in threads:  # each switch has its own time limit
        thread.join()
    return failures


def write_end(estate: Estate, ended: int, failures: dict[str, str]) -> None:
    """Append the run's end to its events, and make the reports anew."""
    from ...report.files import EVENTS, Recorder, read_results
    from ...report.verdict import exit_code_of, status_of
    from ..events import EventLog, clock_since, mend, time_of_day

    assert estate.output is not None
    mend(estate.output / EVENTS)
    recorder = Recorder(estate.output)
    recorder.results = read_results(estate.output)
    if recorder.results.over:
        recorder.write()  # it died after the last word, perhaps before the reports
        return
    clock = clock_since(estate.started)
    with EventLog(estate.output / EVENTS, clock, append=True) as log:
        log.subscribe(recorder.results.feed)
        also = f" ({ended} processes of the run were ended)" if ended else ""
        log.emit("log", node=None, level="ERROR", text=f"{DIED}{also}")
        for node, text in failures.items():
            log.emit("log", node=node, level="ERROR", text=text)
        _end_nodes(recorder.results, log)
        code = exit_code_of(recorder.results)
        log.emit(
            "job_finished", status=status_of(code), exit_code=int(code), finished=time_of_day()
        )
    recorder.write()


def _end_nodes(results: Results, log: EventLog) -> None:
    for name, node in list(results.nodes.items()):
        if node.stated is not None:
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
    try:
        sys.stderr.write(text + "\n")
        sys.stderr.flush()
    except (OSError, ValueError):
        pass  # the terminal went with the dispatcher


if __name__ == "__main__":
    sys.exit(main())
