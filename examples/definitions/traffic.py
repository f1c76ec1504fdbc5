"""Real traffic between boards where iperf is not installed.

traffic.py serve PORT           take data from whoever connects, in the background
traffic.py send HOST PORT       send 16 MiB there, print the speed in MB/s
traffic.py publish PORT FILE    give FILE to whoever connects, in the background
traffic.py fetch HOST PORT      print what is given there
"""

import os
import socket
import socketserver
import sys
import time

AMOUNT = 16 << 20
BLOCK = 1 << 16
WAIT = 30.0  # seconds for each step of a transfer


class Take(socketserver.BaseRequestHandler):
    """Takes everything, then says how much it was."""

    def handle(self):
        """Serve one client."""
        size = 0
        while data := self.request.recv(BLOCK):
            size += len(data)
        self.request.sendall(str(size).encode())


class Give(socketserver.BaseRequestHandler):
    """Gives the file whole."""

    def handle(self):
        """Serve one client."""
        with open(self.server.file, "rb") as file:
            self.request.sendfile(file)


class Server(socketserver.ThreadingTCPServer):
    """One thread a client."""

    allow_reuse_address = True
    daemon_threads = True


def own_address():
    """Return the address that goes with this board's name; "", which is all, if none does.

    Simulated boards may share their host's network. Debian gives 127.0.1.1 to every name.
    """
    try:
        address = socket.gethostbyname(socket.gethostname())
    except OSError:
        return ""
    return "" if address.startswith("127.0.") else address


def serve(port, handler, file=None):
    """Listen, then go on in the background: the caller returns to a server that is there."""
    server = Server((own_address(), port), handler)
    server.file = file
    if os.fork() == 0:
        os.setsid()
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in range(3):
            os.dup2(null, descriptor)
        server.serve_forever()


def send(host, port):
    """Return the speed in MB/s; the server has confirmed every byte."""
    block = bytes(BLOCK)
    began = time.monotonic()
    with socket.create_connection((host, port), WAIT) as connection:
        for _ in range(AMOUNT // BLOCK):
            connection.sendall(block)
        connection.shutdown(socket.SHUT_WR)
        confirmed = connection.recv(32)
    if int(confirmed) != AMOUNT:
        sys.exit(f"sent {AMOUNT} bytes, the server has {confirmed.decode()}")
    return AMOUNT / 1e6 / (time.monotonic() - began)


def fetch(host, port):
    """Copy what the other side gives to standard output."""
    with socket.create_connection((host, port), WAIT) as connection:
        while data := connection.recv(BLOCK):
            sys.stdout.buffer.write(data)


def main(words):
    """Do what the command line says."""
    match words:
        case ["serve", port]:
            serve(int(port), Take)
        case ["publish", port, file]:
            serve(int(port), Give, os.path.abspath(file))
        case ["send", host, port]:
            print(f"{send(host, int(port)):.1f}")
        case ["fetch", host, port]:
            fetch(host, int(port))
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
