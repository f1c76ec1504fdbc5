"""Checkout of a job's git repository, without hooks, user configuration and prompts."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from typing import IO, TYPE_CHECKING
from urllib.parse import quote

from ..errors import InfrastructureError
from ..redaction import split_login, without_secrets
from .definition_source import GIT_PROTOCOLS, BadSource

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from .definition_source import DefinitionSource

MAX_FILE_BYTES = 1 << 30  # a pack is one file

#: Disables code of the repository and of hooks, and background processes.
_OPTIONS = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "submodule.recurse=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "http.lowSpeedLimit=1000",
    "http.lowSpeedTime=60",
    "advice.detachedHead=false",
)
#: Variables that would redirect git to the repository of the current directory.
_NOT_OURS = frozenset(
    f"GIT_{name}"
    for name in (
        "DIR", "WORK_TREE", "INDEX_FILE", "COMMON_DIR", "OBJECT_DIRECTORY", "PREFIX", "NAMESPACE",
        "ALTERNATE_OBJECT_DIRECTORIES", "TEMPLATE_DIR", "SHALLOW_FILE",
    )
)  # fmt: skip


class GitFailed(InfrastructureError):
    """A git command failed; `str()` is its output."""


def check_out(source: DefinitionSource, target: Path, timeout: float) -> None:
    """Check out `source` to the new directory `target`; `timeout` in seconds.

    Fetches only the requested commit, if the server supports it. Raises
    `BadSource` if there is no such revision, `InfrastructureError` if the
    repository is not available.
    """
    url = f"file://{quote(source.location)}" if not source.remote else source.location
    login: Mapping[str, str] = {}
    if url.startswith(("http://", "https://")):
        url, login = split_login(url)
    git = _Git(target, time.monotonic() + timeout, _headers(url, login))
    git("init", "-q", "--template=")
    wanted = source.revision or source.branch or "HEAD"
    try:
        git("fetch", "-q", "--no-tags", "--depth=1", "--", url, wanted)
        git("checkout", "-q", "--detach", "FETCH_HEAD")
    except GitFailed as error:
        if git.remaining() <= 0:
            raise
        if source.revision or "dumb http" in str(error):
            _check_out_from_all(git, url, source)
        elif "couldn't find remote ref" in str(error):
            raise _without(source) from error
        else:
            raise


def _without(source: DefinitionSource) -> BadSource:
    """Return the error that the repository lacks the requested revision."""
    for key, wanted in (("revision", source.revision), ("branch", source.branch)):
        if wanted:
            return BadSource(f"{source} has no {key} {wanted!r}", key=key)
    return BadSource(f"{source} has no commit")


def _check_out_from_all(git: _Git, url: str, source: DefinitionSource) -> None:
    """Fetch everything: for abbreviated commits, and servers that refuse single commits."""
    branches, tags = "+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*"
    git("fetch", "-q", "--no-tags", "--", url, branches, tags)
    wanted = source.revision or source.branch or "HEAD"
    for name in (wanted, f"refs/remotes/origin/{wanted}"):
        try:
            commit = git("rev-parse", "-q", "--verify", "--end-of-options", f"{name}^{{commit}}")
        except GitFailed:
            continue
        git("checkout", "-q", "--detach", commit)
        return
    raise _without(source)


class _Git:
    """Runs git commands in one directory, with one deadline for all."""

    def __init__(self, directory: Path, deadline: float, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._directory = directory
        self._deadline = deadline
        directory.mkdir(parents=True)

    def remaining(self) -> float:
        return self._deadline - time.monotonic()

    def __call__(self, *arguments: str) -> str:
        """Run a git command; return its stripped output."""
        options = [word for option in _OPTIONS for word in ("-c", option)]
        with tempfile.TemporaryFile() as errors, tempfile.TemporaryFile() as output:
            try:
                process = subprocess.Popen(
                    ["git", *options, *arguments],
                    cwd=self._directory,
                    env={**_environment(), **self._environ},
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=errors,
                    start_new_session=True,  # so that its helper processes can be killed with it
                )
            except FileNotFoundError as error:
                raise InfrastructureError("git is not installed: install it") from error
            with suppress(ProcessLookupError, PermissionError):  # it may have exited
                resource.prlimit(
                    process.pid, resource.RLIMIT_FSIZE, (MAX_FILE_BYTES, MAX_FILE_BYTES)
                )
            self._wait(process, arguments)
            if process.returncode:
                raise GitFailed(f"git {arguments[0]}: {_end_of(errors) or process.returncode}")
            output.seek(0)
            return output.read(4096).decode(errors="replace").strip()

    def _wait(self, process: subprocess.Popen[bytes], arguments: tuple[str, ...]) -> None:
        try:
            process.wait(max(0.0, self.remaining()))
        except subprocess.TimeoutExpired as error:
            raise InfrastructureError(f"git {arguments[0]} failed: timeout") from error
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def _headers(url: str, headers: Mapping[str, str]) -> dict[str, str]:
    """Return variables that make git send `headers` to `url`; `ps` would show arguments."""
    first = int(os.environ.get("GIT_CONFIG_COUNT") or 0)
    variables = {}
    for number, (name, value) in enumerate(headers.items(), first):
        variables[f"GIT_CONFIG_KEY_{number}"] = f"http.{url}.extraHeader"
        variables[f"GIT_CONFIG_VALUE_{number}"] = f"{name}: {value}"
        variables["GIT_CONFIG_COUNT"] = str(number + 1)
    return variables


def _environment() -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if key not in _NOT_OURS}
    kept.setdefault("GIT_SSH_COMMAND", "ssh -oBatchMode=yes -oConnectTimeout=30")
    asks = {"GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "true", "SSH_ASKPASS": "true"}
    return {**kept, **asks, "GIT_ALLOW_PROTOCOL": ":".join(GIT_PROTOCOLS), "LC_ALL": "C"}


def _end_of(stream: IO[bytes]) -> str:
    """Return the end of git's output, as one line and with secrets redacted."""
    size = stream.seek(0, os.SEEK_END)
    stream.seek(max(0, size - 1000))
    lines = stream.read().decode(errors="replace").split("\n")
    return without_secrets("; ".join(line.strip() for line in lines if line.strip()))
