"""The simulated boards of one job, as the dispatcher controls them."""

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
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from ..boards.boot_slots import BootSlots, processors
from ..errors import InfrastructureError, InvalidJob, PowerError
from ..run_id import RUN_ID_VARIABLE
from . import faults
from .confinement.confinement import CONFINEMENTS, GROUP_NETWORK, HINTS, UNCONFINED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager

    from ..deadline import Deadline
    from ..lab.device_sections import SimulatedFirmware

_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,62})")
_LOOPBACK = ipaddress.IPv4Network("127.66.0.0/16")
#: Boards per processor that boot at once; more of them only delay each other.
BOOTS_PER_PROCESSOR = 8
_POWER_TIMEOUT_S = 15.0  # for a power switch
_START_TIMEOUT_S = 60.0
_END_TIMEOUT_S = 15.0


class SimulatedBoard:
    """The handle of one board, whose process runs from `SimulatedLab.add` to `close`."""

    def __init__(
        self, lab: SimulatedLab, name: str, card: Path, address: str, control: socket.socket
    ) -> None:
        self.name = name
        self.card = card  # the SD card, to be written while the power is off
        self.address = address
        #: Prefix of /lava-<job id> and similar paths on this board; "" unless unconfined.
        self.root = ""
        self._lab = lab
        self._control = control
        self._lock = threading.Lock()
        self.known_off = False  # True after the board has confirmed it
        #: The fatal faults that had not been triggered at the last power-off.
        self.pending: Sequence[str] = ()
        self.console = Path()  # a tty, the same for the life of the board

    def power_on(self) -> None:
        """Switch the power on; return long before Linux runs. Raise `PowerError`."""
        self.known_off = False
        self._send_request({"do": "on", "hosts": self._lab.hosts()})

    def power_off(self) -> None:
        """Switch the power off and wait for the end of its processes. Raise `PowerError`."""
        reply = self._send_request({"do": "off"})
        self.known_off = bool(reply.get("off"))
        self.pending = reply.get("pending", ())

    def boot_slot(self, deadline: Deadline) -> AbstractContextManager[None]:
        """Return the context in which this board may boot."""
        return self._lab.slots.acquire(deadline)

    def setup_commands(self) -> Sequence[str]:
        """Return no commands: the simulator has already configured name and network."""
        return ()

    def close(self) -> None:
        """End the board process, and with it the console."""
        with self._lock:
            self._control.close()

    def receive_reply(self, action: str) -> dict[str, Any]:
        """Return the next reply of the board; raise `PowerError` with `action` in its text."""
        self._control.settimeout(_POWER_TIMEOUT_S)
        try:
            data = self._control.recv(1 << 16)
        except TimeoutError:
            raise PowerError(
                f"{self.name}: the simulated board did not answer to '{action}' "
                f"within {_POWER_TIMEOUT_S:g} s"
            ) from None
        except OSError:
            data = b""
        if not data:
            raise self._ended()
        reply: dict[str, Any] = json.loads(data)
        return reply

    def _send_request(self, request: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            if self._control.fileno() < 0:
                raise PowerError(f"{self.name}: the simulated board was closed")
            try:
                self._control.sendall(json.dumps(request).encode())
            except OSError:
                raise self._ended() from None
            return self.receive_reply(f"power {request['do']}")

    def _ended(self) -> PowerError:
        log = self._lab.last_log_line()
        return PowerError(f"{self.name}: the simulated board has ended{log}")


class SimulatedLab:
    """All simulated boards of one job, with the network between them.

    `directory` is for scratch files; the caller removes it. `confinement` forces
    one of "namespaces", "chroot", "unconfined". Without it, the strongest that the
    kernel does not refuse is used; `unconfined` permits the weakest. Raise
    `InfrastructureError` if none can be used, or one fails that is not refused.
    """

    def __init__(
        self, directory: Path, *, unconfined: bool = False, confinement: str | None = None
    ) -> None:
        self._directory = directory.resolve()
        self._boards: dict[str, SimulatedBoard] = {}
        self.slots = BootSlots(BOOTS_PER_PROCESSOR * processors())
        self._lock = threading.Lock()
        self._faults = faults.parse_variable(os.environ.get(faults.VARIABLE, ""))
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
            #: The stronger confinements that the kernel refuses, with the reasons.
            self.refused: dict[str, str] = reply["refused"]
            #: What boards lack on this kernel, usually "".
            self.lacks = str(reply["lacks"])
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def add(
        self, name: str, firmware: SimulatedFirmware, settings: Mapping[str, object]
    ) -> SimulatedBoard:
        """Add a board with its power off; add all boards before the first power-on.

        `settings` are the faults of the device file; LAVA_SIMULATED_FAULTS overrides them.
        Raise `InvalidJob` for an unknown fault or an unusable name.
        """
        where = f"device {name}: simulated"
        checked = {**faults.check(settings, where), **self._faults.get(name, {})}
        if not _NAME.fullmatch(name):
            raise InvalidJob.about(where, f"'{name}' cannot be a board's host name")
        with self._lock:
            if name in self._boards:
                raise InvalidJob.about(where, f"there are two boards '{name}'")
            index = len(self._boards)
            network = GROUP_NETWORK if self.confinement == "namespaces" else _LOOPBACK
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            card = self._directory / "cards" / f"{name}.img"
            board = SimulatedBoard(self, name, card, str(network[index + 1]), ours)
            if self.confinement == UNCONFINED:
                board.root = str(self._directory / "unconfined" / name)
            request = {
                "do": "add",
                "name": name,
                "firmware": asdict(firmware),
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
                        f"the process of the simulated boards has ended{self.last_log_line()}"
                    ) from None
            self._boards[name] = board
        board.console = Path(board.receive_reply("start")["console"])
        return board

    def hosts(self) -> dict[str, str]:
        """Return the addresses of all boards by name."""
        with self._lock:
            return {board.name: board.address for board in self._boards.values()}

    def unknown_fault_names(self) -> list[str]:
        """Return the device names in LAVA_SIMULATED_FAULTS that no board has."""
        return sorted(set(self._faults) - set(self._boards))

    def last_log_line(self) -> str:
        """Return ": " and the last line of the log of the board processes, or ""."""
        with contextlib.suppress(OSError):
            text = self._log.read_text(encoding="utf-8", errors="replace").strip()
            if text:
                return ": " + text.splitlines()[-1]
        return ""

    def close(self) -> None:
        """End every board with its processes, and wait for their end."""
        for board in self._boards.values():
            board.close()
        self._control.close()
        try:
            self._process.wait(_END_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()  # the kernel then ends the boards
            self._process.wait()

    def _start(self, *, unconfined: bool, only: str | None) -> dict[str, Any]:
        """Have the spawner choose a confinement; return its reply."""
        ways = [only] if only else [*CONFINEMENTS, *([UNCONFINED] if unconfined else [])]
        request = {"do": "start", "directory": str(self._directory), "ways": ways}
        self._control.settimeout(_START_TIMEOUT_S)
        try:
            self._control.sendall(json.dumps(request).encode())
            data = self._control.recv(1 << 16)
        except TimeoutError:
            raise InfrastructureError(
                f"the process of the simulated boards did not start within {_START_TIMEOUT_S:g} s"
            ) from None
        except OSError:
            data = b""
        if not data:
            raise InfrastructureError(
                f"the process of the simulated boards ended at its start{self.last_log_line()}"
            )
        reply: dict[str, Any] = json.loads(data)
        if "confinement" in reply:
            return reply
        if "failed" in reply:
            raise InfrastructureError(
                "starting simulated boards failed, and a weaker confinement is used only where "
                f"the kernel refuses a stronger one: {reply['failed']}"
            )
        reasons = "\n".join(
            f"  {way}: {why}; {HINTS[way]}" for way, why in reply["refused"].items()
        )
        raise InfrastructureError(
            "simulated boards cannot be confined on this host:\n"
            + reasons
            + "\n  enable one of these, or use --unconfined, which runs the tests as ordinary "
            "processes with all permissions of this user"
        )


def _environment() -> dict[str, str]:
    """Return the environment of the board processes, without the secrets of the user."""
    package_parent = str(Path(__file__).resolve().parents[2])
    kept = {
        name: os.environ[name]
        for name in ("PATH", "LD_LIBRARY_PATH", "LANG", "LC_ALL", RUN_ID_VARIABLE)
        if name in os.environ
    }
    return {**kept, "PYTHONPATH": package_parent}
