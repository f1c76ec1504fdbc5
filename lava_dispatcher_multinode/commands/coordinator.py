"""`lava-multinode coordinator`: a stand-alone coordinator that runs until a signal."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
import threading
import time
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ExitCode, InfrastructureError, InvalidJob
from ..multinode.reasons import missing_words
from ..report import coerce
from ..report.text.log_lines import format_event_call
from ..run.interrupts import SIGNALS, ignore_signals
from .arguments import seconds
from .exit_codes import discard_output

if TYPE_CHECKING:
    from collections.abc import Iterator

DESCRIPTION = "Serve messages and barriers to one group of devices."
EPILOG = """\
example:
  lava-multinode coordinator --group-file group --size 3 --port-file port

Members join with their first request. The group's name is the only credential:
make it hard to guess (umask 077; uuidgen > group), keep it out of the command
line, which all users of the host can see, and listen beyond loopback only in a
network that you trust. LAVA's own dispatchers can be members: set host and port
in /etc/lava-coordinator/lava-coordinator.conf. Ctrl-C (exit code 130) or SIGTERM
(exit code 0) stops the coordinator; waiting calls then fail with that reason.
"""
MAX_GROUP_LINE_BYTES = 4096  # in --group-file


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    group = parser.add_mutually_exclusive_group(required=True)
    group.add_argument(
        "--group", metavar="NAME", type=_group, help="the group's name, its only credential"
    )
    group.add_argument(
        "--group-file",
        metavar="FILE",
        help="read the group's name from the first line of FILE; - is standard input",
    )
    parser.add_argument(
        "--size", metavar="N", type=_size, required=True, help="number of devices in the group"
    )
    parser.add_argument(
        "--listen",
        metavar="HOST:PORT",
        type=_listen,
        default=("127.0.0.1", 0),
        help="address to listen on; port 0 is any free port (default: 127.0.0.1:0)",
    )
    parser.add_argument(
        "--port-file",
        metavar="FILE",
        type=Path,
        help="write the port to FILE when it is open; FILE is removed at the end",
    )
    parser.add_argument(
        "--timeout",
        metavar="SECONDS",
        type=seconds,
        default=300.0,
        help="timeout of a call without its own (default: 300)",
    )
    parser.add_argument(
        "--deadlock-grace",
        metavar="SECONDS",
        type=seconds,
        default=30.0,
        help="seconds without a change, with all devices waiting, until a deadlock (default: 30)",
    )
    parser.add_argument(
        "--lost-grace",
        metavar="SECONDS",
        type=seconds,
        default=10.0,
        help="seconds without a connection until a member counts as failed (default: 10);"
        " members that poll, such as LAVA's own, do not count as failed",
    )
    parser.add_argument(
        "--json", action="store_true", help="print events as JSON, one object per line"
    )


def run(args: argparse.Namespace) -> ExitCode:
    """Serve until a signal arrives; InvalidJob or InfrastructureError if it cannot start."""
    from ..coordinator.server import Coordinator

    group = _group_in(args.group_file) if args.group is None else args.group
    started = time.monotonic()
    output_lock = threading.Lock()
    closed = threading.Event()

    def show(event: str, **fields: Any) -> None:
        if closed.is_set():
            return
        seconds = time.monotonic() - started
        if (
            "seconds" in fields
        ):  # the length of a wait; events.jsonl has the time at which it began
            fields["asked"] = round(seconds - fields.pop("seconds"), 6)
        if args.json:
            line = json.dumps({"t": round(seconds, 6), "event": event, **fields})
        else:
            line = f"{seconds:10.3f}  {_text(event, fields)}"
        try:
            with output_lock:
                # Not print(): the locale's encoding may lack characters of a device's data.
                sys.stdout.buffer.write(line.encode("utf-8", "backslashreplace") + b"\n")
                sys.stdout.buffer.flush()
        except OSError:  # the reader has closed its end: stop
            closed.set()
            discard_output()
            os.kill(os.getpid(), signal.SIGTERM)

    # Blocked before the coordinator's thread starts, which inherits the mask: in every
    # thread, a signal stays pending for sigwait.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        coordinator = Coordinator(
            group=group,
            size=args.size,
            timeout=args.timeout,
            deadlock_grace=args.deadlock_grace,
            lost_grace=args.lost_grace,
            observer=show,
            host=args.listen[0],
            port=args.listen[1],
        )
        with coordinator, _port_file(args.port_file, coordinator.address[1]):
            host, port = coordinator.address
            show("listening", host=host, port=port, size=args.size)
            number = signal.sigwait(SIGNALS)
            ignore_signals()  # further signals have no effect while it stops
        return ExitCode.INTERRUPTED if number == signal.SIGINT else ExitCode.PASS
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _port_file(path: Path | None, port: int) -> Iterator[None]:
    """Keep the port in `path`, written atomically, until the context ends."""
    if path is None:
        yield
        return
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        with os.fdopen(handle, "w") as file:
            file.write(f"{port}\n")
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except OSError as error:
        raise InfrastructureError(f"cannot write the port to {path}: {error.strerror}") from None
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def _text(event: str, fields: dict[str, Any]) -> str:
    if event == "listening":
        return f"listening on {fields['host']}:{fields['port']} for {fields['size']} devices"
    if event == "message":
        data = " ".join(f"{key}={value}" for key, value in fields["data"].items())
        return f"{fields['from']} sent {fields['id']} {data}".rstrip()
    if event == "wait_started":
        call = format_event_call(fields)
        devices = ", ".join(missing_words(coerce.missing(fields)))
        return f"{fields['node']} waits in {call} for {devices}"
    if event == "wait_finished":
        why = f" ({fields['reason']})" if fields["reason"] else ""
        return f"{fields['node']} {fields['outcome']} with {format_event_call(fields)}{why}"
    return f"{fields['level'].lower()}: {fields['text']}"


def _group(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError("the name is empty; it must be hard to guess")
    return text


def _group_in(file: str) -> str:
    """Return the first line of `file`; `InvalidJob`, whose message does not contain it."""
    try:
        with nullcontext(sys.stdin.buffer) if file == "-" else open(file, "rb") as lines:
            line = lines.readline(MAX_GROUP_LINE_BYTES + 1)
        if len(line) > MAX_GROUP_LINE_BYTES:
            raise argparse.ArgumentTypeError(
                f"the first line has more than {MAX_GROUP_LINE_BYTES} bytes"
            )
        return _group(line.decode("utf-8").rstrip("\r\n"))
    except OSError as error:
        reason = f"cannot read it: {error.strerror}"
    except UnicodeDecodeError:
        reason = "the first line is not text in UTF-8"
    except argparse.ArgumentTypeError as error:
        reason = str(error)
    raise InvalidJob.about(f"--group-file {file}", reason)


def _size(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 100_000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of devices")
    return int(text)


def _listen(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not (port.isascii() and port.isdecimal()) or int(port) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not HOST:PORT, such as 127.0.0.1:3079")
    return host, int(port)
