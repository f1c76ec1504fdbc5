"""lava-dispatch --pause-on-failure, on a real terminal with simulated boards."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import termios
import time

import pytest

from .conftest import COMMAND

pytestmark = pytest.mark.slow

OUTPUT_TIMEOUT_S = 40

#: Starts the command in a new session with the terminal as controlling terminal.
LOGIN = """
import fcntl, os, sys, termios
os.setsid()
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""


class Session:
    """A run on a terminal of its own."""

    def __init__(self, directory, words, env):
        self.directory = directory
        self.master, self.slave = pty.openpty()
        self.before = termios.tcgetattr(self.slave)
        words = [COMMAND, "--pause-on-failure", "--output-dir", directory, *words]
        self.process = subprocess.Popen(
            [sys.executable, "-c", LOGIN, *words],
            stdin=self.slave,
            stdout=self.slave,
            stderr=self.slave,
            env=env | {"TERM": "xterm"},
        )
        self.seen = b""

    def until(self, pattern):
        """Read until `pattern` matches; return the output up to the end of the match."""
        over = time.monotonic() + OUTPUT_TIMEOUT_S
        while (match := re.search(pattern, self.seen, re.DOTALL)) is None:
            ready, _, _ = select.select([self.master], [], [], max(0, over - time.monotonic()))
            assert ready, self.seen
            self.seen += os.read(self.master, 65536)
        before, self.seen = self.seen[: match.end()], self.seen[match.end() :]
        return before

    def prompt(self):
        """Wait for the board's prompt: earlier input is not echoed."""
        self.type(b"\r")
        self.until(rb"[\r\n]# ")

    def type(self, data):
        """Send key presses."""
        os.write(self.master, data)

    def ends(self):
        """Read until the run has ended; check the terminal's settings; return the exit code."""
        over = time.monotonic() + OUTPUT_TIMEOUT_S
        while self.process.poll() is None:
            assert time.monotonic() < over, self.seen
            if select.select([self.master], [], [], 0.1)[0]:
                self.seen += os.read(self.master, 65536)
        assert termios.tcgetattr(self.slave) == self.before
        return self.process.returncode

    @property
    def results(self):
        """Return the content of results.json."""
        return json.loads((self.directory / "results.json").read_text())

    def events(self, *kinds):
        """Return the events of these kinds."""
        lines = (self.directory / "events.jsonl").read_text().splitlines()
        events = [json.loads(line) for line in lines]
        return [event for event in events if event["event"] in kinds]

    def close(self):
        """Kill the run."""
        self.process.kill()
        self.process.wait()
        for descriptor in (self.master, self.slave):
            os.close(descriptor)


@pytest.fixture
def session(tmp_path, clean):
    """Return a function that starts a run with the given arguments on a new terminal."""
    opened = []

    def start(*words, env=None):
        opened.append(Session(tmp_path / "out", words, clean | (env or {})))
        return opened[-1]

    yield start
    for one in opened:
        one.close()


PAUSED = rb"paused: the boards stay powered; Ctrl-\] leaves.*--- console of (\w+)"


def test_a_failed_test_case(session, job):
    """The pause offers the failed board's shell and its peer's (Ctrl-^), with Ctrl-C; exit 1."""
    fails_on = "case $(lava-self) in panda01) lava-test-case bad --result fail;; esac"
    run = session("--simulate", job(fails_on, roles=(("a", 2),)))
    told = run.until(PAUSED)
    assert b"panda01: failed: 1 test case 0_test bad" in told
    if b"next board: panda02" not in told:
        run.until(rb"panda02: ended")
    run.prompt()
    # Interrupt only after the script has started: earlier, the shell gets the interrupt.
    run.type(b"hostname; echo $((6 * 7)); sh -c 'echo r\"\"un; exec sleep 60'\r")
    run.until(rb"sleep 60'\r\n.*panda01\r\n42\r\nrun\r\n")  # including the echo
    run.type(b"\x03")
    run.until(rb"[\r\n]# ")  # an interrupt discards typed-ahead input
    run.type(b"echo still-$((1 + 1))\r")
    run.until(rb"still-2\r\n")
    run.type(b"\x1e")
    run.until(rb"--- console of panda02")
    run.type(b"hostname\r")
    run.until(rb"panda02\r\n")
    assert not run.events("node_finished", "pause_finished")
    run.type(b"\x1d")
    assert run.ends() == 1
    (started,), (finished,) = run.events("pause_started"), run.events("pause_finished")
    assert started["node"] == finished["node"] == "panda01"
    assert finished["seconds"] == pytest.approx(finished["t"] - started["t"], abs=0.5)
    assert [node["status"] for node in run.results["nodes"].values()] == ["fail", "pass"]
    assert b"was paused for" in run.seen
    assert b"--- console of" not in run.seen


def test_the_live_view_gives_way(session, job):
    """During the pause the terminal shows only the console; afterwards the view is redrawn."""
    run = session("--simulate", job("lava-test-case bad --result fail"))
    run.until(PAUSED)
    run.prompt()
    run.type(b"sleep 2; echo ov''er\r")
    quiet = run.until(rb"over\r\n")
    assert quiet.count(b"\x1b[") == 0  # the view uses escape sequences
    run.type(b"\x1d")
    assert run.ends() == 1
    assert b"\x1b[" in run.seen


def test_a_board_that_dies_and_peers_that_wait_for_it(session, job):
    """The peer's wait ends at once, not at its timeout; the failed consoles come in turn."""
    env = {"LAVA_SIMULATED_FAULTS": "panda01:panic=text:now-die"}
    dies = "case $(lava-self) in panda01) echo now-''die;; *) lava-wait news;; esac"
    run = session("--simulate", job(dies, roles=(("a", 2),)), env=env)
    run.until(rb"panda01: .*Kernel panic.*--- console of panda01")
    run.until(rb"panda02: failed: .* multinode-wait-news")
    run.type(b"\x1d")
    run.until(rb"--- console of panda02")
    run.type(b"\x1d")
    assert run.ends() == 3
    assert [event["node"] for event in run.events("pause_started")] == ["panda01", "panda02"]


def test_time_limits_do_not_end_it(session, job):
    """The pause is not limited by the job's timeout."""
    run = session("--simulate", job("lava-test-case bad --result fail", more={"timeout": 8}))
    run.until(PAUSED)
    run.prompt()
    run.type(b"sleep 9; echo ov''er\r")
    run.until(rb"over\r\n")
    run.type(b"\x1d")
    assert run.ends() == 1
    (node,) = run.results["nodes"].values()
    assert node["error"] is None


def test_no_failure_no_pause(session, job):
    """A run that passes does not pause."""
    run = session("--simulate", job("lava-test-case good --result pass", roles=(("a", 2),)))
    assert run.ends() == 0
    assert not run.events("pause_started")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_run(session, job, number):
    """An interrupt in a pause: boards off, results written, exit 130, terminal restored."""
    run = session("--simulate", job("lava-test-case bad --result fail", roles=(("a", 2),)))
    run.until(PAUSED)
    run.process.send_signal(number)
    assert run.ends() == 130
    assert len(run.events("node_finished")) == 2
    assert len(run.events("pause_finished")) == 1


def test_a_terminal_that_is_closed_ends_the_run(session, job):
    """A hangup ends the pause and powers the boards off."""
    run = session("--simulate", job("lava-test-case bad --result fail"))
    run.until(PAUSED)
    os.close(run.slave)
    os.close(run.master)
    assert run.process.wait(OUTPUT_TIMEOUT_S) in {1, 130}  # 1: the pause ended before the signal
    assert len(run.events("node_finished")) == 1
    run.master, run.slave = pty.openpty()  # for `close`


def test_without_a_terminal_it_is_refused(dispatch, job):
    """Without a terminal the command exits with 2 and the reason, before touching a board."""
    run = dispatch("--simulate", "--pause-on-failure", job("true"))
    assert run.code == 2
    assert "--pause-on-failure: needs a terminal as standard input" in run.err
    assert not run.directory.exists()
