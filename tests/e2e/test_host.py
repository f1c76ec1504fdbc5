"""Hosts without resources or with unusual settings: a clear error or a correct run."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shlex
import subprocess

import pytest
import yaml

from .conftest import COMMAND, RUN_TIMEOUT_S
from .rack import Rack

pytestmark = pytest.mark.slow


@pytest.fixture
def shell(tmp_path, clean, job):
    """Return a function that runs lava-dispatch from a shell, after the commands `before`."""
    file = job("lava-sync here", "lava-test-case x --shell true", roles=(("a", 2),))

    def run(before, *, wrap=(), env=None, output="out", more=("-q",)):
        words = [str(COMMAND), "--simulate", *more, "--output-dir", output, str(file)]
        text = f"{before}\nexec {shlex.join(words)}"
        return subprocess.run(
            [*wrap, "sh", "-c", text],
            capture_output=True,
            text=True,
            env=clean if env is None else env,
            cwd=tmp_path,
            timeout=RUN_TIMEOUT_S,
        )

    return run


@pytest.mark.parametrize("files", [20, 26, 32, 38, 44, 50])
def test_few_open_files(shell, files):
    """With few file descriptors, a run passes or ends with a clear error and exit code 3."""
    done = shell(f"ulimit -n {files}")
    assert "Traceback" not in done.stderr
    assert done.returncode in {0, 3}, done.stdout + done.stderr
    if done.returncode:
        assert "oo many open files" in done.stdout + done.stderr


@pytest.mark.needs("user namespaces")
def test_a_full_disk(shell, tmp_path):
    """On a full disk the tests finish; the missing results are reported, with exit code 3."""
    (tmp_path / "small").mkdir()
    done = shell(
        "mount -t tmpfs -o size=64k none small", wrap=("unshare", "-rm"), output="small/out"
    )
    assert done.returncode == 3, done.stdout + done.stderr
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.needs("user namespaces")
def test_no_namespaces(shell, tmp_path):
    """A weaker confinement causes a warning with the kernel's reason, as text and as data."""
    done = shell(
        "echo 0 >/proc/sys/user/max_user_namespaces",
        wrap=("unshare", "-Ur"),
        more=["--unconfined"],
    )
    assert done.returncode == 0, done.stdout + done.stderr
    reason = (
        "namespaces: unshare: No space left on device (ENOSPC); "
        "chroot: mknod: Operation not permitted (EPERM)"
    )
    assert f"warning: simulated boards: unconfined (weaker confinement: {reason})" in (
        " ".join(done.stderr.split())
    )
    lines = (tmp_path / "out" / "events.jsonl").read_text().splitlines()
    (event,) = [event for event in map(json.loads, lines) if "confinement" in event]
    assert event["level"] == "WARNING"
    assert event["confinement"] == {"way": "unconfined", "reason": reason}


@pytest.mark.needs("user namespaces")
def test_no_confinement(shell):
    """If boards cannot be confined, the error has the reason and names the options."""
    done = shell("echo 0 >/proc/sys/user/max_user_namespaces", wrap=("unshare", "-Ur"))
    assert done.returncode == 3
    assert "namespaces: unshare: No space left on device (ENOSPC); set user." in done.stdout
    assert "max_user_namespaces" in done.stdout
    assert "chroot: mknod: Operation not permitted (EPERM); run as root" in done.stdout
    assert "--unconfined" in done.stdout


@pytest.mark.needs("user namespaces")
def test_too_few_namespaces(shell):
    """An exhausted namespace limit causes exit code 3, not a weaker confinement."""
    done = shell(
        "echo 1 >/proc/sys/user/max_net_namespaces",
        wrap=("unshare", "-Ur"),
        more=["--unconfined"],
    )
    assert done.returncode == 3
    assert "weaker confinement is used only where the kernel refuses" in done.stdout
    assert "namespaces: OSError: [Errno 28] unshare: No space left on device" in done.stdout


def test_a_directory_that_cannot_be_written(shell, tmp_path):
    """The error names the directory and the option that selects another."""
    (tmp_path / "file").write_text("")
    done = shell("", output="file/out")
    assert done.returncode == 2
    assert "file/out: cannot be used as the output directory: Not a directory" in done.stderr
    assert "--output-dir" in done.stderr


def test_a_directory_that_goes_away(dispatch, job, tmp_path):
    """A run that cannot write its results does not pass and reports the reason."""
    rack = Rack(tmp_path / "rack")
    try:
        rack.add("panda01")
        file = rack.config / "devices" / "panda01.yaml"
        device = yaml.safe_load(file.read_text())
        device["power"]["off"] = f"rm -r {tmp_path / 'out'}; {device['power']['off']}"
        file.write_text(yaml.safe_dump(device))
        steps = job("lava-test-case x --shell true")
        locks = {"LAVA_LOCK_DIR": str(tmp_path / "locks")}
        run = dispatch("--config-dir", rack.config, steps, env=locks)
    finally:
        rack.close()
    assert run.code == 3, run.err
    assert f"{run.directory}: the results are incomplete: " in run.err
    assert "panda01  only  panda  pass" in run.out


def test_a_terminal_that_takes_nothing_holds_no_boards(tmp_path, clean, job):
    """Boards are released even if the terminal is stopped (Ctrl-S) or the pipe is full."""
    rack = Rack(tmp_path / "rack")
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writer, bytes(4096))
    os.set_blocking(writer, True)
    try:
        rack.add("panda01")
        process = subprocess.Popen(
            [
                COMMAND,
                *("--config-dir", rack.config),
                *("--output-dir", tmp_path / "out"),
                job("lava-test-case x --shell true"),
            ],
            env=clean | {"LAVA_LOCK_DIR": str(tmp_path / "locks")},
            stdout=subprocess.PIPE,
            stderr=writer,
        )
        os.close(writer)
        assert process.stdout is not None
        assert process.stdout.readline().startswith(b"node ")  # the summary, at the end
        with (tmp_path / "locks" / "panda01.lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with open(reader, "rb") as pipe:
            pipe.read()  # later output may be incomplete
        assert process.wait(RUN_TIMEOUT_S) == 0
        process.stdout.close()
    finally:
        rack.close()


def test_bare_surroundings(shell, tmp_path):
    """A run works without HOME and terminal, with locale C and umask 077."""
    done = shell("umask 077; exec </dev/null", env={"PATH": os.environ["PATH"], "LC_ALL": "C"})
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "out" / "results.json").stat().st_mode & 0o077 == 0


def test_closed_standard_streams(shell):
    """A run works with an empty environment, as a service manager may set."""
    done = shell("exec <&- >&- 2>&-")
    assert done.returncode == 0
