"""A read-only TFTP server for boot loaders (RFC 1350, with blksize, tsize and timeout).

This is own code because no maintained library was found that withstands a hostile
network: tftpy, the candidate, stops serving after a transfer that is not a file on disk.
"""

from __future__ import annotations

import socket
import struct
import threading
import time
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from .file_table import FileTable

MAX_TRANSFERS = 32  # at once
MAX_ATTEMPTS = 6  # to send a block
ACK_TIMEOUT_S = 1.0  # unless the board requests another one
TRANSFER_TIMEOUT_S = 1800.0  # for one file
DEFAULT_BLOCK_BYTES = 512
MAX_BLOCK_BYTES = 1468  # fits into one Ethernet frame
RRQ, DATA, ACK, ERROR, OACK = 1, 3, 4, 5, 6
NOT_FOUND = 1
_HEADER = struct.Struct("!HH")

Address = tuple[str, int]


class TftpServer:
    """Serves `files` at `address` until it is closed. Raise `OSError`."""

    def __init__(self, files: FileTable, address: str, port: int) -> None:
        self._files = files
        self._address = address
        self._socket = _bind_socket(address, port)
        self.port: int = self._socket.getsockname()[1]
        self._closing = threading.Event()
        self._slots = threading.Semaphore(MAX_TRANSFERS)
        self._serving: dict[Address, threading.Thread] = {}
        self._thread = threading.Thread(target=self._listen, name="TFTP for boards")
        self._thread.start()

    def close(self) -> None:
        """Stop the server and all transfers."""
        self._closing.set()
        # Wakes the listener; a shutdown() does not on every kernel.
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as waker:
            waker.sendto(b"", self._socket.getsockname())
        self._thread.join()
        for thread in self._serving.values():
            thread.join()
        self._socket.close()

    def _listen(self) -> None:
        while not self._closing.is_set():
            try:
                packet, peer = self._socket.recvfrom(2048)
            except OSError:  # an ICMP error of an earlier reply
                continue
            self._serving = {p: t for p, t in self._serving.items() if t.is_alive()}
            request = parse_request(packet)
            # A repeated request is the same transfer, whose first block is sent again anyway.
            if request is None or peer in self._serving:
                continue
            if self._slots.acquire(blocking=False):
                thread = threading.Thread(target=self._serve, args=(peer, *request))
                self._serving[peer] = thread
                thread.start()

    def _serve(self, peer: Address, name: str, options: dict[str, str]) -> None:
        try:
            with _bind_socket(self._address, 0) as connection:
                connection.connect(peer)
                file = self._files.open(name)
                if file is None:
                    connection.send(_pack_error(NOT_FOUND, "File not found"))
                    return
                with file:
                    _Transfer(connection, file, options, self._closing).run()
        except OSError:
            pass  # the board retries, or gives up with an error on its console
        finally:
            self._slots.release()


class _Transfer:
    """The transfer of one file to one board; each block is acknowledged."""

    def __init__(
        self,
        connection: socket.socket,
        file: IO[bytes],
        options: dict[str, str],
        closing: threading.Event,
    ) -> None:
        self._connection = connection
        self._file = file
        self._closing = closing
        self._until = time.monotonic() + TRANSFER_TIMEOUT_S
        self._block, self._wait = DEFAULT_BLOCK_BYTES, ACK_TIMEOUT_S
        self._agreed: dict[str, int] = {}
        size = file.seek(0, 2)
        file.seek(0)
        for name, value in options.items():
            number = int(value) if value.isdecimal() and len(value) < 12 else -1
            if name == "blksize" and number >= 8:
                self._block = self._agreed[name] = min(number, MAX_BLOCK_BYTES)
            elif name == "timeout" and 1 <= number <= 10:
                self._agreed[name] = number
                self._wait = float(number)
            elif name == "tsize":
                self._agreed[name] = size

    def run(self) -> None:
        if self._agreed:
            words = [f"{name}\0{value}\0" for name, value in self._agreed.items()]
            if not self._send_reliably(struct.pack("!H", OACK) + "".join(words).encode(), 0):
                return
        number, data = 1, self._file.read(self._block)
        # The last block is shorter than the others, if necessary empty. Numbers wrap.
        while (
            self._send_reliably(_HEADER.pack(DATA, number) + data, number)
            and len(data) == self._block
        ):
            number, data = (number + 1) & 0xFFFF, self._file.read(self._block)

    def _send_reliably(self, packet: bytes, number: int) -> bool:
        """Send until acknowledged; return False if that fails or the board refuses.

        Only the timeout repeats a packet: if an old acknowledgement did, every later block
        would be sent twice.
        """
        for _ in range(MAX_ATTEMPTS):
            self._connection.send(packet)
            over = time.monotonic() + self._wait
            while (left := over - time.monotonic()) > 0:
                if self._closing.is_set() or time.monotonic() > self._until:
                    return False
                self._connection.settimeout(min(left, 0.5))
                try:
                    answer = self._connection.recv(2048)
                except TimeoutError:
                    continue
                if answer[:4] == _HEADER.pack(ACK, number):
                    return True
                if answer[:2] == struct.pack("!H", ERROR):
                    return False
        return False


def parse_request(packet: bytes) -> tuple[str, dict[str, str]] | None:
    """Return file name and options of a read request; None for another packet."""
    if packet[:2] != struct.pack("!H", RRQ) or not packet.endswith(b"\0"):
        return None
    try:
        words = packet[2:-1].decode("ascii").split("\0")
    except UnicodeDecodeError:
        return None
    if len(words) < 2 or words[1].lower() not in {"octet", "netascii"}:
        return None
    pairs = zip(words[2::2], words[3::2], strict=False)
    return words[0], {name.lower(): value for name, value in pairs}


def _pack_error(code: int, text: str) -> bytes:
    return _HEADER.pack(ERROR, code) + text.encode() + b"\0"


def _bind_socket(address: str, port: int) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        made.bind((address, port))
    except OSError:
        made.close()
        raise
    return made
