"""A TFTP server for boot loaders: reading only (RFC 1350, with blksize, tsize and timeout).

Own code, since a library that holds its own against a hostile network was not to be
found: the one that is kept up ends at the first transfer of anything but a file on disk.
"""

from __future__ import annotations

import socket
import struct
import threading
import time
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from .file_table import Shelf

PORT = 69
TRANSFERS = 32  # at once
TRIES = 6
WAIT = 1.0  # seconds for an acknowledgement, unless the board asks for another time
LONGEST = 1800.0  # seconds for one file
BLOCK = 512
MOST = 1468  # bytes of a block that fits into one Ethernet frame
RRQ, DATA, ACK, ERROR, OACK = 1, 3, 4, 5, 6
NOT_FOUND, ILLEGAL, NO_SUCH_TRANSFER = 1, 4, 5
_HEADER = struct.Struct("!HH")

Address = tuple[str, int]


class TftpServer:
    """Serves `shelf` at `address` until it is closed; `OSError` if the port cannot be had."""

    def __init__(self, shelf: Shelf, address: str, port: int = PORT) -> None:
        self._shelf = shelf
        self._address = address
        self._socket = _bound(address, port)
        self.port: int = self._socket.getsockname()[1]
        self._closing = threading.Event()
        self._room = threading.Semaphore(TRANSFERS)
        self._serving: dict[Address, threading.Thread] = {}
        self._thread = threading.Thread(target=self._listen, name="TFTP for boards")
        self._thread.start()

    def close(self) -> None:
        """End it, and every transfer with it."""
        self._closing.set()
        # Wakes the listener, which no shutdown does on every kernel.
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
            except OSError:  # of an answer that was refused
                continue
            self._serving = {p: t for p, t in self._serving.items() if t.is_alive()}
            request = parse_request(packet)
            # A request that comes again is the same transfer: its first block is repeated.
            if request is None or peer in self._serving:
                continue
            if self._room.acquire(blocking=False):
                thread = threading.Thread(target=self._serve, args=(peer, *request))
                self._serving[peer] = thread
                thread.start()

    def _serve(self, peer: Address, name: str, options: dict[str, str]) -> None:
        try:
            with _bound(self._address, 0) as connection:
                connection.connect(peer)
                file = self._shelf.open(name)
                if file is None:
                    connection.send(_error(NOT_FOUND, "File not found"))
                    return
                with file:
                    _Transfer(connection, file, options, self._closing).run()
        except OSError:
            pass  # the board has gone; it asks again or gives up, and says so on its console
        finally:
            self._room.release()


class _Transfer:
    """One file to one board, block by block, each acknowledged."""

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
        self._until = time.monotonic() + LONGEST
        self._block, self._wait = BLOCK, WAIT
        self._agreed: dict[str, int] = {}
        size = file.seek(0, 2)
        file.seek(0)
        for name, value in options.items():
            number = int(value) if value.isdecimal() and len(value) < 12 else -1
            if name == "blksize" and number >= 8:
                self._block = self._agreed[name] = min(number, MOST)
            elif name == "timeout" and 1 <= number <= 10:
                self._agreed[name] = number
                self._wait = float(number)
            elif name == "tsize":
                self._agreed[name] = size

    def run(self) -> None:
        if self._agreed:
            words = [f"{name}\0{value}\0" for name, value in self._agreed.items()]
            if not self._sent(struct.pack("!H", OACK) + "".join(words).encode(), 0):
                return
        number, data = 1, self._file.read(self._block)
        # A block that is not full is the last one, if need be an empty one. Numbers wrap.
        while self._sent(_HEADER.pack(DATA, number) + data, number) and len(data) == self._block:
            number, data = (number + 1) & 0xFFFF, self._file.read(self._block)

    def _sent(self, packet: bytes, number: int) -> bool:
        """Send until it is acknowledged; False if it never is, or is refused.

        Only the clock repeats: an old acknowledgement that did would double every block after.
        """
        for _ in range(TRIES):
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
    """Return the file's name and the options of a read request; None of anything else."""
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


def _error(code: int, text: str) -> bytes:
    return _HEADER.pack(ERROR, code) + text.encode() + b"\0"


def _bound(address: str, port: int) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        made.bind((address, port))
    except OSError:
        made.close()
        raise
    return made
