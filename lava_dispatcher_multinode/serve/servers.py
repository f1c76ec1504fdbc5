"""The servers of a run; each starts at its first use."""

from __future__ import annotations

import errno
import ipaddress
import secrets
import shutil
import socket
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import DeployError
from .file_table import TOKEN_BYTES, FileTable
from .http import HttpServer
from .tftp import TftpServer

if TYPE_CHECKING:
    from collections.abc import Iterator

LOOPBACK = "127.0.0.1"


class Servers:
    """HTTP and TFTP servers for the boards of a run; a context manager that stops them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._files = FileTable()
        self._http: dict[str, HttpServer] = {}
        self._tftp: dict[tuple[str, int], TftpServer] = {}
        self._directories: list[Path] = []

    def __enter__(self) -> Servers:
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            for http in self._http.values():
                http.close()
            for tftp in self._tftp.values():
                tftp.close()
            for folder in self._directories:
                shutil.rmtree(folder, ignore_errors=True)

    @contextmanager
    def publish_http(self, content: Path | bytes, name: str, host: str) -> Iterator[str]:
        """Publish `content` by HTTP while the context lasts; transfers in progress continue.

        Yield its URL for a board that reaches this host as `host`. Raise `DeployError`.
        """
        address = local_address(host)
        with self._lock:
            if address not in self._http:
                try:
                    self._http[address] = HttpServer(self._files, address)
                except OSError as error:
                    raise DeployError(
                        f"starting the HTTP server at {address} failed: {error}"
                    ) from error
            port = self._http[address].port
        path = self._files.publish(content, name)
        try:
            yield f"http://{host}:{port}/{path}"
        finally:
            self._files.withdraw(path)

    def publish_tftp(self, content: Path | bytes, name: str, host: str, port: int) -> str:
        """Publish `content` by TFTP at `host`; return its file name. Raise `DeployError`."""
        address = local_address(host)
        with self._lock:
            if (address, port) not in self._tftp:
                try:
                    self._tftp[address, port] = TftpServer(self._files, address, port)
                except OSError as error:
                    raise DeployError(_explain_tftp_error(address, port, error)) from error
        return self._files.publish(content, name)

    def publish_to_directory(self, content: Path | bytes, name: str, directory: str) -> str:
        """Copy `content` to the directory of another TFTP server; return its name there.

        The copy is removed at the end of the run. Raise `DeployError`.
        """
        folder = Path(directory) / f"lava-{secrets.token_hex(TOKEN_BYTES)}"
        try:
            folder.mkdir()
            with self._lock:
                self._directories.append(folder)
            if isinstance(content, bytes):
                (folder / name).write_bytes(content)
            else:
                shutil.copyfile(content, folder / name)
            folder.chmod(0o755)  # the server may run as another user
            (folder / name).chmod(0o644)
        except OSError as error:
            raise DeployError(f"writing to deploy.tftp.directory failed: {error}") from error
        return f"{folder.name}/{name}"


def local_address(host: str) -> str:
    """Return the address to listen at for boards that reach this host as `host`.

    This is `host` itself if it is an address of this host. Otherwise the address is
    translated, as for an emulated board, and requests come from the loopback.
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


def _explain_tftp_error(address: str, port: int, error: OSError) -> str:
    text = f"starting the TFTP server at {address} port {port} failed: {error.strerror or error}"
    if isinstance(error, PermissionError):
        text += (
            ": ports below 1024 need root: run as root, allow them (sysctl "
            f"net.ipv4.ip_unprivileged_port_start={port}), set deploy.tftp.port if U-Boot on the "
            "board supports tftpdstp, or set deploy.tftp.directory to that of a running server"
        )
    elif error.errno == errno.EADDRINUSE:
        text += ": another TFTP server uses the port: set deploy.tftp.directory to its directory"
    return text
