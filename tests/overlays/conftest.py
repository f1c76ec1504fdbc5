"""A board that consists of a pty and a shell, with the real `ShellSession` at the other end."""

from __future__ import annotations

import fcntl
import os
import re
import select
import shutil
import subprocess
import termios
import threading
import time
from pathlib import Path

import msgspec
import pytest

from lava_dispatcher_multinode.errors import ConsoleError
from lava_dispatcher_multinode.multinode.api import Api, Outcome, Status
from lava_dispatcher_multinode.testshell.session import ShellSession

from ..needs import require

OVERLAYS = Path(__file__).parents[2] / "overlays"
#: The shells that serve as the board's `sh`. With BusyBox, its applets are the only tools.
SHELLS = ("dash", "busybox", "bash", "mksh", "yash", "posh")


class PtyConsole:
    """A minimal console.Console on the master of a pty."""

    def __init__(self, noise=None):
        self.master, self.slave = os.openpty()
        self._wake_read, self._wake_write = os.pipe()
        self.noise = noise or (lambda data: data)
        self.seen = bytearray()
        self.written = bytearray()
        self.to_board = lambda data: data

    def read(self, timeout):
        """As console.Console."""
        ready, _, _ = select.select([self.master, self._wake_read], [], [], timeout)
        if self._wake_read in ready:
            os.read(self._wake_read, 4096)
        if self.master not in ready:
            return b""
        try:
            data = os.read(self.master, 65536)
        except OSError as error:
            raise ConsoleError(f"the pty is closed: {error}") from None
        if not data:
            raise ConsoleError("the pty is closed")
        self.seen += data
        return self.noise(data)

    def write(self, data):
        """As console.Console."""
        self.written += data
        data = self.to_board(data)
        while data:
            data = data[os.write(self.master, data) :]

    def await_prompt(self):
        """Return when a shell has printed its prompt."""
        while b"# " not in self.seen:
            assert self.read(30), "the shell does not prompt"

    def wake(self):
        """As console.Console."""
        os.write(self._wake_write, b"w")

    def close(self):
        """Free the descriptors."""
        for descriptor in (self.master, self.slave, self._wake_read, self._wake_write):
            os.close(descriptor)


class Group:
    """A stand-in for the coordinator: answers from a table, or on request."""

    def __init__(self):
        self.calls = []
        self.answers = {}  # id -> Outcome or a function of the call
        self.waiting = {}
        self.arrived = threading.Condition()

    def submit(self, call, on_outcome):
        """Accept a call of the session."""
        with self.arrived:
            self.calls.append(msgspec.structs.replace(call, request_id=None))
            answer = self.answers.get(call.id)
            if answer is None and call.api is not Api.SEND:
                self.waiting[call.id] = on_outcome
            self.arrived.notify_all()
        if callable(answer):
            answer = answer(call)
        if answer is not None:
            on_outcome(answer)
        elif call.api is Api.SEND:
            on_outcome(Outcome(Status.DONE))

    def await_call(self, id_, timeout=30):
        """Wait for a call with that ID."""
        with self.arrived:
            assert self.arrived.wait_for(lambda: any(c.id == id_ for c in self.calls), timeout)

    def release(self, id_, outcome):
        """Answer a waiting call."""
        self.waiting.pop(id_)(outcome)

    def sent(self, id_):
        """Return the data of each send with that ID."""
        return [dict(call.data) for call in self.calls if call.id == id_]


class Board:
    """A directory laid out like /lava-<job id> on a board, with its console and group."""

    def __init__(self, root, shell, noise=None):
        self.root = root
        self.shell = shell
        self.lava = root / "lava-7"
        self.group = Group()
        self.events = []
        self.console = PtyConsole(noise)
        self.cache = root / "cache.txt"
        self.path = os.environ["PATH"]
        shutil.copytree(OVERLAYS, self.lava, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
        self._interpreter()
        (self.lava / "environment").write_text(
            "export LAVA_JOB_ID='7' LAVA_HOSTNAME='panda01' TARGET_ROLE='client'\n"
            "export LAVA_GROUP='panda01\tclient\npanda02\tclient\nbeaglexm01\tserver'\n"
            f"export LAVA_DIR='{self.lava}' LAVA_TEST_BIN='{self.lava}/bin'\n"
            f"export LAVA_MULTI_NODE_CACHE='{self.cache}' LAVA_RESULT_DIR='{root}/results'\n"
        )
        self.stages = 0
        self.locale = {}
        self.interactive = ["-i"]

    def _interpreter(self):
        """Make the shell under test the board's `sh`, under that name."""
        program = shutil.which(self.shell)
        tools = self.root / "tools"
        tools.mkdir()
        (tools / "sh").symlink_to(program)
        if self.shell == "busybox":
            for applet in subprocess.check_output([program, "--list"], text=True).split():
                if not (tools / applet).exists():
                    (tools / applet).symlink_to(program)
            self.path = str(tools)
        else:
            self.path = f"{tools}:{self.path}"
        for script in (self.lava / "bin").iterdir():
            text = script.read_text()
            assert text.startswith("#!/bin/sh\n")
            script.write_text(text.replace("/bin/sh", f"{tools}/sh", 1))

    def definition(self, steps, *, name="test", install=None):
        """Write a definition like the overlay does; return its directory."""
        directory = self.lava / str(self.stages) / "tests" / f"0_{name}"
        directory.mkdir(parents=True)
        run = [
            "set -e",
            f"export TESTRUN_ID=0_{name}",
            f"cd {directory}",
            steps,
        ]
        (directory / "run.sh").write_text("\n".join(run) + "\n")
        (directory / "uuid").write_text("u-u-i-d\n")
        if install is not None:
            (directory / "install.sh").write_text(install)
        return directory

    def run(
        self,
        steps,
        *,
        timeout=60.0,
        patterns=None,
        fixups=None,
        install=None,
        session=None,
        patience=0,
        **options,
    ):
        """Run `steps` as a definition, from an interactive shell; return the output."""
        directory = self.definition(steps, install=install)
        (directory.parents[1] / "lava-test-runner.conf").write_text(f"{directory}\n")
        start = time.monotonic()
        session = session or ShellSession(
            self.console,
            node="panda01",
            submit=self.group.submit,
            emit=self.emit,
            clock=lambda: time.monotonic() - start,
            **options,
        )
        process = self.login()
        try:
            if self.interactive == ["-i"]:
                self.console.await_prompt()
            session.run(
                f"{self.lava}/bin/lava-test-runner {self.lava}/{self.stages}",
                start + timeout,
                patterns or {},
                fixups,
            )
            self.stages += 1
            if patience:
                process.wait(patience)
        finally:
            process.kill()
            process.wait()
        text = self.console.seen.decode(errors="replace").replace("\r\n", "\n")
        return re.sub(r"<LAVA_MN [^<>]*>\n", "", text)

    def login(self):
        """Start an interactive shell on the console, like a login."""
        return subprocess.Popen(
            [self.root / "tools" / "sh", *self.interactive],
            stdin=self.console.slave,
            stdout=self.console.slave,
            stderr=self.console.slave,
            env={
                "PATH": self.path,
                **self.locale,
                "TERM": "dumb",
                "PS1": "# ",
                "HOME": str(self.root),
            },
            start_new_session=True,
            cwd=self.root,
            preexec_fn=_take_terminal,  # noqa: PLW1509 - a single ioctl
        )

    def emit(self, event, **fields):
        """Record an event."""
        self.events.append({"event": event, **fields})

    def results(self):
        """Return the results of the events by case."""
        return {e["case"]: e["result"] for e in self.events if e["event"] == "test_case"}


def _take_terminal():
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def make_board(root, shell):
    """Return a board with that shell, or skip."""
    require(shell)
    return Board(root, shell)


@pytest.fixture(params=SHELLS)
def board(tmp_path, request):
    """A board with each of the shells in turn."""
    board = make_board(tmp_path, request.param)
    yield board
    board.console.close()


@pytest.fixture
def dash_board(tmp_path):
    """A board with dash, for tests that do not depend on the shell."""
    board = make_board(tmp_path, "dash")
    yield board
    board.console.close()
