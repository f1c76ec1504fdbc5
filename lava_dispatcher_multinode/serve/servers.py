"""The servers of a run: started when first asked for, at the address that boards know."""

from __future__ import annotations

import errno
import ipaddress
import secrets
import shutil
import socket
import threading
from pathlib import Path

from ..errors import DeployError
from .file_table import TOKEN, Shelf
from .http import HttpServer
from .tftp import PORT, TftpServer

LOOPBACK = "127.0.0.1"


class Servers:
    """HTTP and TFTP for the boards of a run; a context manager that ends them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._shelf = Shelf()
        self._http: dict[str, HttpServer] = {}
        self._tftp: dict[tuple[str, int], TftpServer] = {}
        self._laid: list[Path] = []

    def __enter__(self) -> Servers:
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            for http in self._http.values():
                http.close()
            for tftp in self._tftp.values():
                tftp.close()
            for folder in self._laid:
                shutil.rmtree(folder, ignore_errors=True)

    def url(self, content: Path | bytes, name: str, host: str) -> str:
        """Return where a board that reaches this host as `host` can fetch `content` by HTTP."""
        address = local_address(host)
        with self._lock:
            if address not in self._http:
                try:
                    self._http[address] = HttpServer(self._shelf, address)
                except OSError as error:
                    raise DeployError(f"cannot serve HTTP at {address}: {error}") from error
            port = self._http[address].port
        return f"http://{host}:{port}/{self._shelf.put(content, name)}"

    def tftp(self, content: Path | bytes, name: str, host: str, port: int = PORT) -> str:
        """Return the name under which a board can fetch `content` from `host` by TFTP."""
        address = local_address(host)
        with self._lock:
            if (address, port) not in self._tftp:
                try:
                    self._tftp[address, port] = TftpServer(self._shelf, address, port)
                except OSError as error:
                    raise DeployError(_why(address, port, error)) from error
        return self._shelf.put(content, name)

    def lay(self, content: Path | bytes, name: str, directory: str) -> str:
        """Put `content` below the directory of another TFTP server; return its name there.

        It is taken away when this ends.
        """
        folder = Path(directory) / f"lava-{secrets.token_hex(TOKEN)}"
        try:
            folder.mkdir()
            with self._lock:
                self._laid.append(folder)
            if isinstance(content, bytes):
                (folder / name).write_bytes(content)
            else:
                shutil.copyfile(content, folder / name)
            folder.chmod(0o755)  # a server of its own user reads it
            (folder / name).chmod(0o644)
        except OSError as error:
            raise DeployError(f"cannot write to deploy.tftp.directory: {error}") from error
        return f"{folder.name}/{name}"

    def remove(self, place: str) -> None:
        """Serve no more what `url` or `tftp` has returned as `place`."""
        self._shelf.remove("/".join(place.rsplit("/", 2)[-2:]))


def local_address(host: str) -> str:
    """Return the address of this host to listen at for boards that call it `host`.

    That is `host` itself if it is ours; if it is translated on the way, as for
    an emulated board, what comes in comes from this host.
    """
    try:
        address = socket.gethostbyname(host)
        if ipaddress.ip_address(address).is_unspecified:
            return LOOPBACK
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind((address, 0))
    except OSError:
        return LOOPBACK
    return address


def _why(address: str, port: int, error: OSError) -> str:
    text = f"cannot serve TFTP at {address} port {port}: {error.strerror or error}"
    if isinstance(error, PermissionError):
        text += (
            ": ports below 1024 are root's: run as root, allow them (sysctl "
            f"net.ipv4.ip_unprivileged_port_start={port}), set deploy.tftp.port if the board's "
            "U-Boot knows tftpdstp, or give deploy.tftp.directory of a TFTP server that runs"
        )
    elif error.errno == errno.EADDRINUSE:
        text += ": another TFTP server is there: give its directory as deploy.tftp.directory"
    return text
