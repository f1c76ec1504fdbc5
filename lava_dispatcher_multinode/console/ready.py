"""Waits until a new link to a console is attached: `connection.ready`."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from ..errors import ConsoleError
from .escapes import without_escapes
from .transcript import printable
from .transport import LinkLost

if TYPE_CHECKING:
    from .transport import Transport

READY_TIMEOUT_S = 30.0  # for the text
MAX_EARLY_BYTES = 1 << 20  # of output until then; its end is kept
SHOWN_BYTES = 200  # of it, in an error


class _ReadyLink:
    """A link with the output that it has printed until it was ready."""

    def __init__(self, link: Transport, early: bytes) -> None:
        self.name = link.name
        self._link = link
        self._early = early
        self.write = link.write
        self.close = link.close
        self.release = link.release

    def read(self) -> bytes:
        """Block for at least one byte; b"" after `close`."""
        early, self._early = self._early, b""
        return early or self._link.read()


def when_ready(link: Transport, ready: str) -> Transport:
    """Return `link` when it has printed the text `ready`, or after so many seconds."""
    try:
        seconds = float(ready)
    except ValueError:
        what = f"connection.ready '{ready}'"
        return after_text(link, ready.encode(), what, READY_TIMEOUT_S, keep=True)
    time.sleep(seconds)  # the user's key, for a console that says nothing
    return link


def after_text(
    link: Transport, text: bytes, what: str, timeout: float, *, keep: bool
) -> Transport:
    """Return `link` when it has printed `text`; `keep` the output until then.

    Raises `ConsoleError`, or `LinkLost` if the link ends before, with the last output.
    """
    output = b""
    timer = threading.Timer(timeout, link.close)  # ends the read
    timer.daemon = True
    timer.start()
    try:
        while text not in (plain := without_escapes(output)):
            data = link.read()
            output = (output + data)[-MAX_EARLY_BYTES:]
            if not data:
                text_missing = f"{link.name}: {what} has not come within {timeout:.0f} s"
                raise ConsoleError(text_missing + _shown(output))
    except LinkLost as error:
        link.release()
        raise LinkLost(f"{error}{_shown(output)}") from error
    except ConsoleError:
        link.release()
        raise
    finally:
        timer.cancel()
    return _ReadyLink(link, output if keep else plain.partition(text)[2])


def _shown(output: bytes) -> str:
    text = printable(without_escapes(output).strip()[-SHOWN_BYTES:])
    return f"; last output '{text}'" if text else ""
