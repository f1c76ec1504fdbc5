"""Network traffic between boards, without iperf.

traffic.py serve PORT           receive data from any client, in the background
traffic.py send HOST PORT       send 16 MiB to such a server, print the throughput in MB/s
traffic.py publish PORT FILE    serve FILE to any client, in the background
traffic.py fetch HOST PORT      print the file that is served there
"""

import os
import socket
import socketserver
import sys
import time

TRANSFER_BYTES = 16 << 20
BLOCK_BYTES = 1 << 16
SOCKET_TIMEOUT_S = 30.0


class Receiver(socketserver.BaseRequestHandler):
    """Receives all data, then replies with the number of bytes."""

    def handle(self):
        """Serve one client."""
        size = 0
        while data := self.request.recv(BLOCK_BYTES):
            size += len(data)
        self.request.sendall(str(size).encode())


class FileSender(socketserver.BaseRequestHandler):
    """Sends the whole file."""

    def handle(self):
        """Serve one client."""
        with open(self.server.file, "rb") as file:
            self.request.sendfile(file)


class Server(socketserver.ThreadingTCPServer):
    """Serves each client in a thread."""

    allow_reuse_address = True
    daemon_threads = True


def own_address():
    """Return the address that this board's name resolves to, or "" (any address) if none.

    Simulated boards may share their host's network. Debian resolves a host's name to 127.0.1.1.
    """
    try:
        address = socket.gethostbyname(socket.gethostname())
    except OSError:
        return ""
    return "" if address.startswith("127.0.") else address


def serve(port, handler, file=None):
    """Listen, then serve in a child process: the server is ready when this returns."""
    server = Server((own_address(), port), handler)
    server.file = file
    if os.fork() == 0:
        os.setsid()
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in range(3):
            os.dup2(null, descriptor)
        server.serve_forever()


def send(host, port):
    """Send `TRANSFER_BYTES`; return the throughput in MB/s after the server has confirmed them."""
    block = bytes(BLOCK_BYTES)
    began = time.monotonic()
    with socket.create_connection((host, port), SOCKET_TIMEOUT_S) as connection:
        for _ in range(TRANSFER_BYTES // BLOCK_BYTES):
            connection.sendall(block)
        connection.shutdown(socket.SHUT_WR)
        confirmed = connection.recv(32)
    if int(confirmed) != TRANSFER_BYTES:
        sys.exit(f"sent {TRANSFER_BYTES} bytes, the server received {confirmed.decode()}")
    return TRANSFER_BYTES / 1e6 / (time.monotonic() - began)


def fetch(host, port):
    """Copy the served file to standard output."""
    with socket.create_connection((host, port), SOCKET_TIMEOUT_S) as connection:
        while data := connection.recv(BLOCK_BYTES):
            sys.stdout.buffer.write(data)


def main(words):
    """Run the command line."""
    match words:
        case ["serve", port]:
            serve(int(port), Receiver)
        case ["publish", port, file]:
            serve(int(port), FileSender, os.path.abspath(file))
        case ["send", host, port]:
            print(f"{send(host, int(port)):.1f}")
        case ["fetch", host, port]:
            fetch(host, int(port))
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
