"""Checks that a board is off after its switch has switched it off."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ...console.echo import ECHOES, is_echo
from ...console.transport import BoardPower
from ...errors import MultinodeError, PowerError

if TYPE_CHECKING:
    from ...console.board_console import Console
    from .switch import PowerSwitch

#: For the answer to one probe. A running board answers at once, but this host may be busy and
#: the console remote; so several probes follow.
PROBE_TIMEOUT_S = 0.2
#: Probes in a row without an answer, after which the board is off.
UNANSWERED_PROBES = 4
#: While a board may run on the charge of its capacitors.
DISCHARGE_TIMEOUT_S = 5.0
#: Ctrl-C: a shell and a login prompt answer with a new line, U-Boot with `<INTERRUPT>`. It
#: starts nothing.
PROBE = b"\x03"
MAX_ANSWER_BYTES = 1024  # kept, to recognise an echo


def switch_off(name: str, switch: PowerSwitch, console: Console) -> None:
    """Switch the board off, and check that it is off; see `check_off`."""
    if switch.worth_checking:
        console.set_power(BoardPower.OFF)
    switch.off()
    console.note("power off")
    check_off(name, switch, console)


def check_off(name: str, switch: PowerSwitch, console: Console) -> None:
    """Raise `PowerError` if the board still answers `DISCHARGE_TIMEOUT_S` after power-off.

    What is typed may also come back from a terminal on the way to the board.
    """
    if not switch.worth_checking:
        return
    unanswered = 0
    answers = b""
    over = time.monotonic() + DISCHARGE_TIMEOUT_S
    try:
        console.forget()
        while console.connected:  # the board may power the adapter
            console.write(PROBE)
            answer = console.read(PROBE_TIMEOUT_S)
            answers = (answers + answer)[-MAX_ANSWER_BYTES:]
            if not answer:
                unanswered += 1
                if unanswered == UNANSWERED_PROBES:
                    return
            elif time.monotonic() >= over:
                break
            else:
                unanswered = 0
        else:
            return
    except MultinodeError:
        return  # the console ended with the board, or the run is cancelled
    if is_echo(answers, PROBE * len(answers)):
        raise PowerError(f"{name}: after power-off, {ECHOES}")
    raise PowerError(
        f"{name}: the board still answers on its console {DISCHARGE_TIMEOUT_S:g} s after "
        "power-off: check that the power switch and the console belong to this board"
    )
