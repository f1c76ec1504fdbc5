"""Measure the coordinator: barriers of N members, and messages per second.

    python bench/coordinator.py [--members 2,10,100,500,1000] [--seconds 2] [--repeats 5]

A driver process simulates the members; the coordinator runs in a separate process.
Barrier, open connections: the time from the last arrival, and from the first, to the last
release; median of several rounds, then of the repeats, in which the servers take turns.
"floor" is a minimal server: for barriers an epoll loop that counts lines and then answers all
connections, for messages a loop that accepts, reads, sends a fixed reply and closes.
It shows the cost of the kernel, Python and the driver.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import multiprocessing
import os
import platform
import random
import re
import resource
import selectors
import shutil
import socket
import statistics
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from lava_dispatcher_multinode.coordinator.protocol import encode_frame
from lava_dispatcher_multinode.coordinator.server import Coordinator
from lava_dispatcher_multinode.run.events import EventLog

if TYPE_CHECKING:
    from collections.abc import Callable

#: Barriers per turn: enough to warm the caches for small groups with short barriers.
ROUNDS, ARRIVALS = 7, 10_000
#: Seconds in which a server may still write down what has happened.
EVENTS_LATER_S = 0.2
#: Messages to measure under attack; and the member that attacks.
PROBES, ATTACKER = 1000, 2


def ours(size: int, pipe) -> None:
    """Serve a group until terminated."""
    nodes = {f"n{number}": "r" for number in range(size)}
    with Coordinator(group="g", nodes=nodes, timeout=120) as coordinator:
        pipe.send(coordinator.address)
        pipe.recv()


def recorded(size: int, pipe) -> None:
    """Serve a group and write its events, as lava-dispatch does."""
    nodes = {f"n{number}": "r" for number in range(size)}
    with (
        tempfile.TemporaryDirectory() as directory,
        EventLog(Path(directory, "events.jsonl"), time.monotonic) as log,
        Coordinator(group="g", nodes=nodes, timeout=120, observer=log.emit) as coordinator,
    ):
        pipe.send(coordinator.address)
        pipe.recv()


def floor(size: int, pipe) -> None:
    """Count lines; after each `size` of them answer every connection."""
    selector = selectors.DefaultSelector()
    listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
    selector.register(listener, selectors.EVENT_READ)
    selector.register(pipe, selectors.EVENT_READ)
    pipe.send(listener.getsockname())
    connections, count = [], 0
    while True:
        for key, _ in selector.select():
            if key.fileobj is pipe:
                return
            if key.fileobj is listener:
                connections.append(listener.accept()[0])
                connections[-1].setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                selector.register(connections[-1], selectors.EVENT_READ)
                continue
            data = key.fileobj.recv(65536)
            if not data:
                selector.unregister(key.fileobj)
                continue
            count += data.count(b"\n")
            if count == size:
                count = 0
                for connection in connections:
                    connection.send(b"\n")


def redis(size: int, pipe) -> None:
    """Run Debian's redis-server; its members use INCR and BLPOP."""
    with tempfile.TemporaryDirectory() as directory:
        probe = socket.create_server(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        server = subprocess.Popen(
            [
                "redis-server",
                "--port",
                str(port),
                "--save",
                "",
                "--bind",
                "127.0.0.1",
                "--tcp-backlog",
                "4096",
                "--dir",
                directory,
                "--maxclients",
                str(size + 64),
            ],
            stdout=subprocess.DEVNULL,
        )
        while True:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                time.sleep(0.05)
        pipe.send(("127.0.0.1", port))
        pipe.recv()
        server.terminate()
        server.wait()


def resp(*words: object) -> bytes:
    """Return a Redis command."""
    parts = [str(word).encode() for word in words]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%b\r\n" % (len(p), p) for p in parts)


class Server:
    """A server in a separate process."""

    def __init__(self, serve: Callable, size: int) -> None:
        self._pipe, theirs = multiprocessing.Pipe()
        self._process = multiprocessing.Process(target=serve, args=(size, theirs))
        self._process.start()
        self.pid = self._process.pid
        self.address = tuple(self._pipe.recv())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._pipe.send("stop")
        self._process.join(10)
        self._process.kill()


def connect(address, count: int) -> list[socket.socket]:
    """Open `count` connections."""
    sockets = []
    for _ in range(count):
        sock = socket.create_connection(address)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sockets.append(sock)
    return sockets


def request(kind: str, number: int, **fields) -> bytes:
    """Return a request of member `number`."""
    who = {"request": kind, "client_name": f"n{number}", "group_name": "g", "role": "r"}
    return encode_frame(who | fields)


def barrier(sockets: list[socket.socket], arrive: Callable[[int], None]) -> tuple[float, float]:
    """Return the seconds from the first and from the last arrival to the last release."""
    selector = selectors.DefaultSelector()
    for sock in sockets:
        selector.register(sock, selectors.EVENT_READ)
    first = time.perf_counter()
    for number in range(len(sockets)):
        arrive(number)
    last, left = time.perf_counter(), len(sockets)
    while left:
        for key, _ in selector.select():
            key.fileobj.recv(65536)
            selector.unregister(key.fileobj)
            left -= 1
    end = time.perf_counter()
    selector.close()
    return end - first, end - last


def ours_arrives(sockets, label: int) -> Callable[[int], None]:
    """Return a member's request at the barrier `label`."""
    frames = [
        request("lava_sync", number, hold=True, messageID=f"b{label}")
        for number in range(len(sockets))
    ]
    return lambda number: sockets[number].sendall(frames[number])


def floor_arrives(sockets, _label: int) -> Callable[[int], None]:
    """Return a member's line for the floor."""
    return lambda number: sockets[number].sendall(b"\n")


def redis_arrives(sockets, label: int) -> Callable[[int], None]:
    """Count; the last member fills the list on which all others block."""
    total = len(sockets)
    script = (
        f"if redis.call('incr','c{label}')=={total} then "
        f"for i=1,{total} do redis.call('rpush','l{label}',i) end end"
    )
    # The reply to the count is discarded, so that one reply means a release.
    frame = resp("CLIENT", "REPLY", "SKIP") + resp("EVAL", script, 0)
    frame += resp("BLPOP", f"l{label}", 60)
    return lambda number: sockets[number].sendall(frame)


def cpu_us(pid: int) -> float:
    """Return the CPU time that a process and its children have used, in microseconds."""
    total = 0.0
    for task in Path(f"/proc/{pid}/task").iterdir():
        total += int((task / "schedstat").read_text().split()[0]) / 1000
        total += sum(cpu_us(int(child)) for child in (task / "children").read_text().split())
    return total


def barriers(serve, arrives, size: int) -> tuple[float, float, float]:
    """Return the medians of several barriers in ms, and the CPU time for a member in us.

    Other work on the machine disturbs the CPU time much less than the others.
    """
    with Server(serve, size) as server:
        sockets = connect(server.address, size)
        rounds = max(ROUNDS, ARRIVALS // size)
        barrier(sockets, arrives(sockets, "first"))
        before = cpu_us(server.pid)
        times = [barrier(sockets, arrives(sockets, label)) for label in range(rounds)]
        time.sleep(EVENTS_LATER_S)
        cpu = (cpu_us(server.pid) - before) / rounds / size
        for sock in sockets:
            sock.close()
    first, last = (statistics.median(column) for column in zip(*times, strict=True))
    return 1000 * first, 1000 * last, cpu


def answer(_size: int, pipe) -> None:
    """Accept, read a request, send a fixed reply, close."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
    listener.setblocking(True)
    pipe.send(listener.getsockname())
    threading.Thread(target=lambda: os._exit(pipe.recv() != "stop")).start()
    while True:
        connection, _ = listener.accept()
        while not connection.recv(65536).endswith(b"}"):
            pass
        connection.send(b'00000012{"response":"ack"}')
        connection.close()


def send_each_connection(address, number: int, until: float, counts: list[int]) -> None:
    """Send messages with one connection each, as LAVA does."""
    frame = request("lava_send", number, messageID="m", message={"k": "v"})
    while time.perf_counter() < until:
        # Not create_connection(), which resolves the name each time.
        with socket.socket() as sock:
            sock.connect(address)
            sock.sendall(frame)
            sock.shutdown(socket.SHUT_WR)
            while sock.recv(4096):
                pass
        counts[number] += 1


def send_open(address, number: int, until: float, counts: list[int]) -> None:
    """Send messages over one connection, with up to 32 unanswered."""
    burst = request("lava_send", number, messageID="m", message={"k": "v"}, hold=True) * 32
    with socket.create_connection(address) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while time.perf_counter() < until:
            sock.sendall(burst)
            answers = 0
            while answers < 32:
                answers += sock.recv(65536).count(b"ack")
            counts[number] += 32


def _sender(send, address, number, seconds, pipe) -> None:
    counts = [0] * (number + 1)
    send(address, number, time.perf_counter() + seconds, counts)
    pipe.send(counts[number])


def sends(serve, send, clients: int, seconds: float) -> float:
    """Return messages per second of `clients` processes."""
    with Server(serve, 8) as server:
        jobs = []
        for number in range(clients):
            mine, theirs = multiprocessing.Pipe()
            job = multiprocessing.Process(
                target=_sender, args=(send, server.address, number, seconds, theirs)
            )
            job.start()
            jobs.append((job, mine))
        total = sum(pipe.recv() for _, pipe in jobs)
        for job, _ in jobs:
            job.join()
    return total / seconds


def strangers(address) -> None:
    """Send random bytes, with one connection each, for ever."""
    while True:
        with contextlib.suppress(OSError), socket.create_connection(address) as sock:
            sock.sendall(b"00000010" + b"\xff" * 16)


def frames_of_a_member(address) -> None:
    """Send random frames over open connections, 2000 each, for ever; read no reply."""
    chance = random.Random(1)
    while True:
        bodies = [chance.randbytes(chance.randrange(60)) for _ in range(1000)]
        burst = b"".join(b"%08X%b" % (len(body), body) for body in bodies)
        with contextlib.suppress(OSError), socket.create_connection(address) as sock:
            sock.sendall(request("lava_send", ATTACKER, messageID="m"))
            for _ in range(2):
                sock.sendall(burst)


def resident(pid: int) -> float:
    """Return the resident memory of a process in MiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def latencies(sockets, first: int) -> list[float]:
    """Return the milliseconds of successive barriers of the first two of `sockets`."""
    found = []
    for label in range(first, first + PROBES):
        frames = [
            request("lava_wait", 0, hold=True, messageID=f"p{label}"),
            request("lava_send", 1, hold=True, messageID=f"p{label}"),
        ]
        start = time.perf_counter()
        for sock, frame in zip(sockets, frames, strict=False):
            sock.sendall(frame)
        for sock in sockets[:2]:
            sock.recv(65536)
        found.append(1000 * (time.perf_counter() - start))
    return found


def under_attack() -> None:
    """Print the latency of a message between two members during attacks."""
    print("message to a waiting member, ms: median / 99th of 100 / longest; memory of the server")
    with Server(ours, ATTACKER + 1) as server:
        sockets = connect(server.address, 2)
        idle = connect(server.address, 200)
        label = 0
        for name, attack in (
            ("in peace", None),
            ("200 idle, a stranger's garbage", strangers),
            ("200 idle, a member's 100,000s of frames", frames_of_a_member),
        ):
            before = resident(server.pid)
            attacker = None
            if attack is not None:
                attacker = multiprocessing.Process(target=attack, args=(server.address,))
                attacker.start()
                time.sleep(0.3)
            times = sorted(latencies(sockets, label))
            label += PROBES
            if attacker is not None:
                attacker.kill()
                attacker.join()
            print(
                f"{name:>40}: {statistics.median(times):.2f} / {times[len(times) * 99 // 100]:.2f}"
                f" / {times[-1]:.2f}; {before:.0f} to {resident(server.pid):.0f} MiB",
                flush=True,
            )
        for sock in sockets + idle:
            sock.close()


def middle(pairs) -> tuple[float, ...]:
    """Return the median of each position."""
    return tuple(statistics.median(column) for column in zip(*pairs, strict=True))


def machine() -> None:
    """Print the hardware and software versions, and the load."""
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    print(
        f"{os.cpu_count()} x {model[1] if model else platform.machine()}, "
        f"Linux {platform.release()}, Python {platform.python_version()}, "
        f"load before {os.getloadavg()[0]:.1f}"
    )


def main() -> None:
    """Print all measurements."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--members", default="2,10,100,500,1000")
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    logging.disable()  # refused requests of the attacker
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    kinds = [
        ("ours", ours, ours_arrives),
        ("with events.jsonl", recorded, ours_arrives),
        ("floor", floor, floor_arrives),
    ]
    if shutil.which("redis-server"):
        kinds.append(("redis", redis, redis_arrives))
    else:
        print("(redis-server is not installed: not compared)")
    machine()
    print(
        "barrier, ms to the last release from the first arrival / from the last arrival; "
        "us of the server's CPU time for a member"
    )
    print(f"{'N':>6}" + "".join(f"{name:>28}" for name, _, _ in kinds))
    for size in map(int, options.members.split(",")):
        turns = [
            [barriers(serve, arrives, size) for _, serve, arrives in kinds]
            for _ in range(options.repeats)
        ]
        row = [middle(column) for column in zip(*turns, strict=True)]
        print(
            f"{size:6}" + "".join(f"{a:11.2f} /{b:7.2f}; {c:5.1f}" for a, b, c in row), flush=True
        )
    print("lava_send per second")
    for name, serve, send in (
        ("a connection each", ours, send_each_connection),
        ("its floor", answer, send_each_connection),
        ("open connections", ours, send_open),
    ):
        for clients in (1, 8):
            rates = [sends(serve, send, clients, options.seconds) for _ in range(options.repeats)]
            line = f"{name:>20}, {clients} clients: {statistics.median(rates):9.0f}"
            print(f"{line} ({min(rates):.0f} to {max(rates):.0f})", flush=True)
    under_attack()


if __name__ == "__main__":
    main()
