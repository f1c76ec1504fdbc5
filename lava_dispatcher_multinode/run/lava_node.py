"""A node that LAVA's dispatcher runs, in a process of its own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from ..console.transcript import Transcript
from ..errors import INTERRUPTED, ActionTimeout, Cancelled, InfrastructureError, MultinodeError
from ..lava.dictionary import commands, load_dictionary
from ..lava.dispatcher import member, reaper
from ..lava.dispatcher.installed import make_environment
from ..lava.dispatcher.preflight import check_allowed
from ..lava.jobs.submission import parse_timeout
from ..lava.log import LavaLog
from ..lava.log_redaction import Redaction
from ..run_id import LAVA_SHUTDOWN_GRACE_S, LAVA_SUFFIX, RUN_ID_VARIABLE

if TYPE_CHECKING:
    from ..actions.context import NodeServices
    from ..lab.device_model import Device
    from ..lava.dispatcher.installed import Installed
    from ..lava.dispatcher.lava_job import LavaJob
    from .job_coordinator import Credentials

LAVA_DOWNLOADS = Path("/var/lib/lava/dispatcher/tmp")
MAX_LINE_BYTES = 1 << 20


class LavaNode:
    """Runs lava-run for one node; its log becomes the node's events, results and console."""

    def __init__(
        self,
        device: Device,
        role: str,
        services: NodeServices,
        directory: Path,
        lava: LavaJob,
        credentials: Credentials,
    ) -> None:
        self.name = device.name
        self.role = role
        self._device = device
        self._services = services
        self._directory = directory
        self._lava = lava
        self._credentials = credentials
        self._process: subprocess.Popen[bytes] | None = None
        self._lava_log: LavaLog | None = None
        self._cancelled: str | None = None  # the reason
        self._timeout: str | None = None
        self._killer: threading.Timer | None = None
        self._downloads = LAVA_DOWNLOADS
        self._lock = threading.Lock()  # guards _process and the signals to it

    def cancel(self, reason: str) -> None:
        """Ask LAVA to end, which switches the device off; kill it if it takes too long."""
        log = self._lava_log
        if log is not None and (log.finished or log.raised is not None):
            return  # it has ended by itself, or its tests are the reason
        self._services.log(self.name, "INFO", f"asking LAVA's dispatcher to end: {reason}")
        self._cancelled = reason
        self._terminate()

    def run(self) -> None:
        """Run lava-run to its end."""
        definition = self._lava.definition(self._device)
        installed = self._lava.installed(self._device)
        check_allowed(installed)
        self._services.log(
            self.name, "INFO", f"LAVA's dispatcher {installed.version}, {installed.lava_run}"
        )
        with ExitStack() as stack:
            try:
                transcript = Transcript(self._directory, self._services.clock)
                record = stack.enter_context((self._directory / "logs.yaml").open("wb"))
                words = self._prepare(definition, installed)
            except OSError as error:
                text = f"cannot write {error.filename}: {error.strerror}"
                raise InfrastructureError(text) from error
            stack.callback(transcript.close)
            redaction = Redaction(definition)
            emit, clock = self._services.emit, self._services.clock
            log = LavaLog(
                self.name, emit, clock, transcript.feed, definition["actions"], redaction
            )
            self._lava_log = log
            limit = parse_timeout(definition["timeouts"]["job"])
            # If LAVA is killed, it leaves its downloads behind.
            left = self._downloads / self._lava.ids[self.name]
            self._lava.on_leftover(left)
            stack.callback(shutil.rmtree, left, ignore_errors=True)
            process = self._start(words, installed)
            stack.callback(self._wait_for_end)
            stack.callback(self._terminate)
            timer = threading.Timer(limit + LAVA_SHUTDOWN_GRACE_S, self._time_out, (limit,))
            stack.callback(timer.cancel)
            timer.daemon = True
            timer.start()
            assert process.stderr is not None
            with process.stderr as lines:
                while line := lines.readline(MAX_LINE_BYTES):
                    record.write(b"- " + redaction.redact_line(line))
                    log.handle_line(line)
                    if log.raised is not None:
                        # End LAVA at once: it may ignore the signal while it has results to
                        # handle.
                        self._services.leave_group(self.name, str(log.raised))
                        self._terminate()
            code = process.wait()
            try:
                self._raise_failure(log, code)
            except MultinodeError as error:
                log.close(str(error))
                raise
            log.close()

    def _start(self, words: list[str], installed: Installed) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._services.cancelled.is_set():
                raise Cancelled(self._cancelled or INTERRUPTED)
            self._process = subprocess.Popen(
                [sys.executable, reaper.__file__, *words],
                env=_marked(make_environment(installed.path)),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                start_new_session=True,  # Ctrl-C must reach this process only
            )
            return self._process

    def _terminate(self) -> None:
        """Ask LAVA to end; kill it after LAVA's shutdown grace."""
        with self._lock:
            process = self._process
            if process is None or self._killer is not None or process.poll() is not None:
                return
            process.send_signal(signal.SIGTERM)
            self._killer = threading.Timer(LAVA_SHUTDOWN_GRACE_S, self._kill)
            self._killer.daemon = True
            self._killer.start()

    def _wait_for_end(self) -> None:
        """Wait for the end of the process, which has been asked to end or has ended."""
        assert self._process is not None
        self._process.wait()
        if self._killer is not None:
            self._killer.cancel()

    def _kill(self) -> None:
        with self._lock:
            if self._process is not None and self._process.poll() is None:
                self._process.send_signal(signal.SIGQUIT)  # reaper.py kills it then

    def _time_out(self, limit: float) -> None:
        self._timeout = f"not done within {limit:g} s (the job's timeout in LAVA)"
        self._terminate()

    def _raise_failure(self, log: LavaLog, code: int) -> None:
        if self._cancelled is not None:
            raise Cancelled(self._cancelled)
        if log.raised is not None:
            raise log.raised
        if self._timeout is not None:
            raise ActionTimeout(self._timeout)
        log.raise_failure(code)

    def _prepare(self, definition: dict[str, Any], installed: Installed) -> list[str]:
        """Write the files that lava-run reads; return the arguments of reaper.py."""
        lava, directory = self._device.lava, self._lava.directory / self.name
        directory.mkdir(parents=True, mode=0o700)
        device = load_dictionary(self._device)
        if os.geteuid() != 0 and not os.access(LAVA_DOWNLOADS, os.W_OK):
            self._downloads = directory / "downloads"
        settings = {
            "address": self._credentials.address,
            "group": self._credentials.group,
            "name": self.name,
            "secret": self._credentials.secret,
            "ids": self._lava.ids,
            "roles": dict(self._services.group),
            "scripts": str(directory / "scripts"),
            "lava_run": str(installed.lava_run),
            "downloads": str(self._downloads),
        }
        job, dispatcher = directory / "job.yaml", lava.dispatcher or directory / "dispatcher.yaml"
        job.write_text(yaml.safe_dump(definition, sort_keys=False))
        (directory / "settings.json").write_text(json.dumps(settings))
        (directory / "device.yaml").write_text(yaml.safe_dump(device))
        if lava.dispatcher is None:
            address = self._device.dispatcher_ip or _own_address()
            dispatcher.write_text(yaml.safe_dump({"dispatcher_ip": address}))
        (directory / "off.json").write_text(json.dumps(commands(device, "power_off")))
        return [
            str(directory / "off.json"),
            installed.python, member.__file__, str(directory / "settings.json"),
            "--job-id", self._lava.ids[self.name],
            "--output-dir", str(directory / "output"),
            "--device", str(directory / "device.yaml"),
            "--dispatcher", str(dispatcher),
            *(["--env-dut", str(lava.env_dut)] if lava.env_dut else []),
            *([] if installed.needs_root else ["--skip-sudo-warning"]),
            str(job),
        ]  # fmt: skip


def _marked(environ: dict[str, str]) -> dict[str, str]:
    """Return the environment with the run's ID, if there is one, marked as LAVA's part."""
    return environ | (
        {RUN_ID_VARIABLE: environ[RUN_ID_VARIABLE] + LAVA_SUFFIX}
        if RUN_ID_VARIABLE in environ
        else {}
    )


def _own_address() -> str:
    """Return this host's address towards its network; no packet is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
            address: str = probe.getsockname()[0]
        except OSError:  # no network
            return "127.0.0.1"
    return address
