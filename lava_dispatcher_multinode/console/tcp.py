"""Consoles over TCP: `socket://`, `telnet://` and `rfc2217://HOST:PORT`."""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ..errors import ConsoleError
from ..polling import wait_readable
from .transport import IN_USE, REFUSAL_TIMEOUT_S, DescriptorTransport, port_taken

if TYPE_CHECKING:
    from .transport import Transport

SCHEMES = ("socket", "telnet", "rfc2217")
TELNET_PORT = 23
HINT = "check that the console server runs and that the port has no other client"
# A lost network is detected after some 30 s, also without output.
KEEPALIVE = (
    ("TCP_KEEPIDLE", 10),  # seconds before the first probe
    ("TCP_KEEPINTVL", 5),  # seconds between probes
    ("TCP_KEEPCNT", 4),
    ("TCP_USER_TIMEOUT", 30_000),  # milliseconds without an acknowledgement
)


def open_tcp(url: str, baud: int, device: str, timeout: float) -> Transport:
    """Connect within `timeout` seconds; `baud` is used for rfc2217 only.

    Options of pyserial behind a "?" are ignored: they request what is done anyway.
    """
    scheme, host, port = _parts(url, device)
    try:
        connection = socket.create_connection((host, port), timeout)
    except OSError as error:
        reason = error.strerror or error
        raise ConsoleError(f"{device}: cannot connect to {url}: {reason}: {HINT}") from error
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in KEEPALIVE:
        with suppress(AttributeError, OSError):  # not every system has all
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
    if scheme == "socket" and _refused(connection):
        connection.close()
        raise port_taken(f"{device}: console {url}")
    link = DescriptorTransport(connection.detach(), f"{device}: console {url}", hint=HINT)
    if scheme == "socket":
        return link
    from .telnet_link import TelnetLink

    return TelnetLink(link, baud if scheme == "rfc2217" else None, timeout)


def _refused(connection: socket.socket) -> bool:
    """Return whether the server reports at once that the port is in use; consume nothing.

    Until this is known, the board's power must not be switched: another client may use it.
    """
    refusal = IN_USE.encode()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, len(refusal))
    arrived = wait_readable([connection.fileno()], REFUSAL_TIMEOUT_S)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 1)
    with suppress(OSError):
        return bool(arrived) and connection.recv(len(refusal), socket.MSG_PEEK) == refusal
    return False


def _parts(url: str, device: str) -> tuple[str, str, int]:
    try:
        parts = urlsplit(url)
        port = parts.port or (TELNET_PORT if parts.scheme == "telnet" else 0)
    except ValueError:
        port = 0
    if not port or not parts.hostname:
        raise ConsoleError(f"{device}: '{url}' is not {url.partition(':')[0]}://HOST:PORT")
    return parts.scheme, parts.hostname, port
