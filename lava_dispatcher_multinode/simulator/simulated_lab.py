"""The lab of a job's simulated boards: make them, switch them, be rid of them."""

from __future__ import annotations

import contextlib
import ipaddress
import json
import os
import re
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from ..boards.boot_slots import BootSlots, processors
from ..errors import InfrastructureError, InvalidJob, PowerError
from ..lab.device_model import SIMULATED_TYPES
from ..run_id import RUN_ID_VARIABLE
from . import faults as fault_names
from .confinement.confinement import HINTS, PRIVATE, UNCONFINED, WAYS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager

    from ..deadline import Deadline

_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,62})")
_LOOPBACK = ipaddress.IPv4Network("127.66.0.0/16")
#: Boards that boot at a time, for each processor: more only make each other late.
BOOTING = 8
_SWITCH_WAIT = 15.0  # seconds for power on, power off
_START_WAIT = 60.0
_END_WAIT = 15.0


class SimulatedBoard:
    """One board; its process runs from `SimulatedLab.add` to `close`."""

    def __init__(
        self, lab: SimulatedLab, name: str, card: Path, address: str, control: socket.socket
    ) -> None:
        self.name = name
        self.card = card  # the SD card; write it while the power is off
        self.address = address
        #: What comes before /lava-<job id> and the like on this board; "" unless unconfined.
        self.root = ""
        self._lab = lab
        self._control = control
        self._lock = threading.Lock()
        self.known_off = False  # the board itself has said so
        #: The faults that had not happened when it was last switched off.
        self.pending: Sequence[str] = ()
        self.console = Path()  # a tty; it stays the same for the life of the board

    def power_on(self) -> None:
        """Switch on; return when it is done, which is long before Linux runs."""
        self.known_off = False
        self._ask({"do": "on", "hosts": self._lab.hosts()}, "on")

    def power_off(self) -> None:
        """Switch off; nothing of the board runs any more when this returns."""
        reply = self._ask({"do": "off"}, "off")
        self.known_off = bool(reply.get("off"))
        self.pending = reply.get("pending", ())

    def boot_slot(self, deadline: Deadline) -> AbstractContextManager[None]:
        """Return the context in which it may boot, beside the other boards."""
        return self._lab.slots.acquire(deadline)

    def setup_commands(self) -> Sequence[str]:
        """Return nothing: who made it has told it all."""
        return ()

    def close(self) -> None:
        """Take the board away: its power is off, its console ends."""
        with self._lock:
            self._control.close()

    def answer(self, action: str) -> dict[str, Any]:
        """Return the board's next answer; raise `PowerError` naming `action`."""
        self._control.settimeout(_SWITCH_WAIT)
        try:
            data = self._control.recv(1 << 16)
        except TimeoutError:
            raise PowerError(
                f"{self.name}: the simulated board did not answer to '{action}' "
                f"within {_SWITCH_WAIT:g} s"
            ) from None
        except OSError as error:
            raise PowerError(f"{self.name}: the simulated board is gone: {error}") from None
        if not data:
            raise PowerError(f"{self.name}: the simulated board is gone{self._lab.last_words()}")
        reply: dict[str, Any] = json.loads(data)
        return reply

    def _ask(self, request: dict[str, Any], what: str) -> dict[str, Any]:
        with self._lock:
            if self._control.fileno() < 0:
                raise PowerError(f"{self.name}: the simulated board was closed")
            try:
                self._control.sendall(json.dumps(request).encode())
            except OSError:
                raise PowerError(
                    f"{self.name}: the simulated board is gone{self._lab.last_words()}"
                ) from None
            return self.answer(f"power {what}")


class SimulatedLab:
    """All simulated boards of one job, with the network between them.

    `directory` is for scratch files; whoever made it removes it. `confinement`
    names one of "namespaces", "chroot", "unconfined", and forbids any other.
    Raise `InfrastructureError` if boards cannot be confined here; that a way fails
    which the kernel does not refuse is no reason for a weaker one.
    """

    def __init__(
        self, directory: Path, *, unconfined: bool = False, confinement: str | None = None
    ) -> None:
        self._directory = directory.resolve()
        self._boards: dict[str, SimulatedBoard] = {}
        self.slots = BootSlots(BOOTING * processors())
        self._lock = threading.Lock()
        self._faults = fault_names.from_variable(os.environ.get(fault_names.VARIABLE, ""))
        self._log = self._directory / "boards.log"
        (self._directory / "cards").mkdir(parents=True, exist_ok=True)
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs, self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-S", "-m", __package__, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
                env=_environment(),
            )
        try:
            reply = self._start(unconfined=unconfined, only=confinement)
            self.confinement = str(reply["confinement"])
            #: The stronger ways that the kernel refuses, and how.
            self.refused: dict[str, str] = reply["refused"]
            #: What boards lack on this kernel; "" as a rule.
            self.lacks = str(reply["lacks"])
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def add(self, name: str, model: str, faults: Mapping[str, object]) -> SimulatedBoard:
        """Make a board; its power is off. All are made before the first is switched on.

        `faults` as in a device file's `simulated`; LAVA_SIMULATED_FAULTS goes above it.
        Raise `InvalidJob` for a fault, model or name that there is not.
        """
        where = f"device {name}: simulated"
        checked = {**fault_names.check(faults, where), **self._faults.get(name, {})}
        if model not in SIMULATED_TYPES:
            message = f"no simulated '{model}'"
            raise InvalidJob.about(where, message, f"there is {', '.join(SIMULATED_TYPES)}")
        if not _NAME.fullmatch(name):
            raise InvalidJob.about(where, f"'{name}' cannot be a board's host name")
        with self._lock:
            if name in self._boards:
                raise InvalidJob.about(where, f"there are two boards '{name}'")
            index = len(self._boards)
            network = PRIVATE if self.confinement == "namespaces" else _LOOPBACK
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            card = self._directory / "cards" / f"{name}.img"
            board = SimulatedBoard(self, name, card, str(network[index + 1]), ours)
            if self.confinement == UNCONFINED:
                board.root = str(self._directory / "unconfined" / name)
            request = {
                "do": "add",
                "name": name,
                "model": model,
                "index": index,
                "address": board.address,
                "card": str(card),
                "faults": checked,
            }
            with theirs:
                try:
                    data = json.dumps(request).encode()
                    socket.send_fds(self._control, [data], [theirs.fileno()])
                except OSError:
                    ours.close()
                    raise InfrastructureError(
                        f"the process of the simulated boards is gone{self.last_words()}"
                    ) from None
            self._boards[name] = board
        board.console = Path(board.answer("be made")["console"])
        return board

    def hosts(self) -> dict[str, str]:
        """Return every board's address by name."""
        with self._lock:
            return {board.name: board.address for board in self._boards.values()}

    def without_board(self) -> list[str]:
        """Return the names in LAVA_SIMULATED_FAULTS that no board has: slips, as a rule."""
        return sorted(set(self._faults) - set(self._boards))

    def last_words(self) -> str:
        """Return the end of what the boards' processes complained of, for a message."""
        with contextlib.suppress(OSError):
            text = self._log.read_text(encoding="utf-8", errors="replace").strip()
            if text:
                return ": " + text.splitlines()[-1]
        return ""

    def close(self) -> None:
        """End every board and what it started, and wait until all is gone."""
        for board in self._boards.values():
            board.close()
        self._control.close()
        try:
            self._process.wait(_END_WAIT)
        except subprocess.TimeoutExpired:
            self._process.kill()  # the kernel then ends the boards
            self._process.wait()

    def _start(self, *, unconfined: bool, only: str | None) -> dict[str, Any]:
        """Have the factory choose a confinement; return its answer."""
        ways = [only] if only else [*WAYS, *([UNCONFINED] if unconfined else [])]
        request = {"do": "start", "directory": str(self._directory), "ways": ways}
        self._control.settimeout(_START_WAIT)
        try:
            self._control.sendall(json.dumps(request).encode())
            data = self._control.recv(1 << 16)
        except TimeoutError:
            raise InfrastructureError(
                f"the process of the simulated boards did not start within {_START_WAIT:g} s"
            ) from None
        except OSError:
            data = b""
        if not data:
            raise InfrastructureError(
                f"the process of the simulated boards ended at once{self.last_words()}"
            )
        reply: dict[str, Any] = json.loads(data)
        if "confinement" in reply:
            return reply
        if "failed" in reply:
            raise InfrastructureError(
                "simulated boards cannot be made, and a weaker confinement is used only where "
                f"the kernel refuses a stronger one: {reply['failed']}"
            )
        reasons = "\n".join(
            f"  {way}: {why}; {HINTS[way]}" for way, why in reply["refused"].items()
        )
        raise InfrastructureError(
            "simulated boards cannot be kept apart from this host:\n"
            + reasons
            + "\n  --unconfined runs the tests of the boards as ordinary processes of this user, "
            "with all that it may do"
        )


def _environment() -> dict[str, str]:
    """Return what the boards' processes get of the environment: no secrets of the user's."""
    package_parent = str(Path(__file__).resolve().parents[2])
    kept = {
        name: os.environ[name]
        for name in ("PATH", "LD_LIBRARY_PATH", "LANG", "LC_ALL", RUN_ID_VARIABLE)
        if name in os.environ
    }
    return {**kept, "PYTHONPATH": package_parent}
