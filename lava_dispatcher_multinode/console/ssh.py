"""A console over the SSH server of the board itself, through the system's ssh client."""

from __future__ import annotations

import math
import os
import re
import shlex
import termios
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..errors import ConsoleError
from .command_transport import open_command
from .ready import after_text
from .transport import ConsoleAbsent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .transport import DescriptorTransport, Transport

#: Printed by the client after the login, before anything of the board: what comes earlier are
#: its own messages.
CONNECTED = "lava-ssh-connected"
ATTEMPT_TIMEOUT_S = 15.0  # for a slow board; keys and a password take their time
POLL_S = 0.01  # of the terminal's mode
#: A board that is off, or boots, has no server.
_ABSENT = re.compile(
    r"refused|timed out|unreachable|[Nn]o route|reset by|Connection closed|has not come|"
    r"Could not resolve"
)
#: The user's own configuration of the host applies, except for these. A new host key is
#: accepted, a changed one is not. A lost network is detected after some 15 s.
OPTIONS = {
    "ClearAllForwardings": "yes",
    "ControlMaster": "no",
    "ControlPath": "none",
    "EscapeChar": "none",
    "NumberOfPasswordPrompts": "1",
    "PermitLocalCommand": "yes",
    "RequestTTY": "force",
    "ServerAliveCountMax": "3",
    "ServerAliveInterval": "5",
    "StrictHostKeyChecking": "accept-new",
    "LocalCommand": f"echo {CONNECTED}",
}


def open_ssh(target: str, password: str | None, device: str, timeout: float) -> Transport:
    """Log in to `target`, USER@HOST[:PORT].

    An attempt gets `timeout` seconds, but at least `ATTEMPT_TIMEOUT_S`.
    The password comes from memory that the client reads through SSH_ASKPASS: it is in no file,
    and in no list of processes.
    """
    name = f"{device}: console ssh {target}"
    timeout = max(timeout, ATTEMPT_TIMEOUT_S)
    options = {
        **OPTIONS,
        "BatchMode": "no" if password else "yes",
        "ConnectTimeout": str(math.ceil(timeout)),
    }
    words = ["ssh", *(word for key, value in options.items() for word in ("-o", f"{key}={value}"))]
    host, port = _host_and_port(target)
    words += ["-p", port] if port else []
    command = f"exec {shlex.join([*words, '--', host])}"
    with _askpass(password) as environment:
        # The board's terminal gets the mode of the client's: one in which Ctrl-C interrupts.
        link = open_command(command, device, name=name, environment=environment, raw=False)
        try:
            ready = after_text(link, CONNECTED.encode(), "a login", timeout, keep=False)
            _await_session(link, timeout)
        except ConsoleError as error:
            text, failure = f"{error}: check connection.ssh, the keys and login.password", error
        else:
            return ready
    if _ABSENT.search(text):
        raise ConsoleAbsent(text, name=name) from failure
    raise ConsoleError(text) from failure


def _await_session(link: DescriptorTransport, timeout: float) -> None:
    """Wait for the client's raw mode: before it, Ctrl-C would end the client."""
    until = time.monotonic() + timeout
    while termios.tcgetattr(link.fileno())[3] & termios.ISIG:
        if time.monotonic() >= until:
            link.release()
            raise ConsoleError(f"{link.name}: no session within {timeout:.0f} s of the login")
        time.sleep(POLL_S)


@contextmanager
def _askpass(password: str | None) -> Iterator[dict[str, str] | None]:
    """Return the environment in which ssh finds the password, while it logs in."""
    if password is None:
        yield None
        return
    # A file in memory: a script that the shell's own printf makes print the password.
    script = os.memfd_create("askpass")
    try:
        os.fchmod(script, 0o700)
        os.write(script, f"#!/bin/sh\nprintf '%s\\n' {shlex.quote(password)}\n".encode())
        # A file that is open for writing cannot be executed.
        readable = os.open(f"/proc/self/fd/{script}", os.O_RDONLY | os.O_CLOEXEC)
    finally:
        os.close(script)
    try:
        path = f"/proc/{os.getpid()}/fd/{readable}"
        yield {**os.environ, "SSH_ASKPASS": path, "SSH_ASKPASS_REQUIRE": "force"}
    finally:
        os.close(readable)


def _host_and_port(target: str) -> tuple[str, str]:
    """Return USER@HOST without the brackets of an IPv6 address, and the port or ""."""
    user, _, host = target.rpartition("@")
    host, colon, port = host.rpartition(":") if re.search(r":\d+$", host) else (host, "", "")
    if colon and host.count(":") and not host.startswith("["):
        host, port = f"{host}:{port}", ""  # an IPv6 address
    return f"{user}@{host.strip('[]')}", port
