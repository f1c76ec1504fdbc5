"""Whether a board that was switched off is off."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ...errors import MultinodeError, PowerError

if TYPE_CHECKING:
    from ...console.board_console import Console
    from .switch import PowerSwitch

#: Seconds for an answer to one question. A board that runs has it at once, but this host may
#: be busy, and the console far away: hence the next.
SILENT = 0.2
#: So many questions in a row that had no answer: it is off.
QUESTIONS = 4
#: Seconds that a board may live on what its capacitors hold.
LINGER = 5.0
#: Anything that runs answers it: a shell and a login prompt with a new line, U-Boot with
#: `<INTERRUPT>`. It starts nothing.
QUESTION = b"\x03"


def check_off(name: str, switch: PowerSwitch, console: Console) -> None:
    """Raise `PowerError` if the board still answers some seconds after power-off."""
    if not switch.worth_checking:
        return
    unanswered = 0
    over = time.monotonic() + LINGER
    try:
        console.forget()
        while console.connected:  # an adapter that the board feeds goes with it
            console.write(QUESTION)
            if not console.read(SILENT):
                unanswered += 1
                if unanswered == QUESTIONS:
                    return
            elif time.monotonic() >= over:
                break
            else:
                unanswered = 0
        else:
            return
    except MultinodeError:
        return  # the console went with the board, or the run is cancelled
    raise PowerError(
        f"{name}: the board still answers on its console {LINGER:g} s after power-off: "
        "does its power switch switch this board, and its console belong to it?"
    )
