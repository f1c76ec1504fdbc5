"""Measure the console channel: MB/s, signals/s and reply latency in the dispatcher.

    bench/channel.py [--boards 40] [--seconds 10]

The data passes the real `ShellSession` and its parser. For the latency, each board is a thread
with a pipe, as in the dispatcher; 39 boards print at 115200 baud, and the last one makes calls.
The latency is the time from the last byte of a request to the first byte of its reply.
"""

from __future__ import annotations

import argparse
import os
import select
import statistics
import threading
import time

from lava_dispatcher_multinode.console_frames import DataFrame
from lava_dispatcher_multinode.multinode.api import Outcome, Status
from lava_dispatcher_multinode.testshell.session import ShellSession

START = b"<LAVA_TEST_RUNNER START x>\n"
EXIT = DataFrame(b"Q", b"ffffffff-1", 1, 1, b"signal,TEST_RUNNER,EXIT,x,").line()
EXIT += b"<LAVA_TEST_RUNNER EXIT>\n"
CHATTER = b"[   12.345678] some driver: a line as the kernel prints them, with numbers 0x1234\n"


class Canned:
    """A console that returns canned data."""

    def __init__(self, chunks):
        self.chunks = iter(chunks)

    def read(self, _timeout):
        return next(self.chunks)

    def write(self, data):
        pass

    def wake(self):
        pass


class Pipes:
    """A console made of two pipes."""

    def __init__(self):
        self.source, self.board_writes = os.pipe()
        self.board_reads, self.sink = os.pipe()
        self.woken, self.waker = os.pipe()

    def read(self, timeout):
        ready, _, _ = select.select([self.source, self.woken], [], [], timeout)
        if self.woken in ready:
            os.read(self.woken, 4096)
        return os.read(self.source, 65536) if self.source in ready else b""

    def write(self, data):
        os.write(self.sink, data)

    def wake(self):
        os.write(self.waker, b"w")

    def close(self):
        for descriptor in (
            self.source,
            self.board_writes,
            self.board_reads,
            self.sink,
            self.woken,
            self.waker,
        ):
            os.close(descriptor)


def session(console):
    return ShellSession(
        console,
        node="panda01",
        submit=lambda _call, on_outcome: on_outcome(Outcome(Status.DONE)),
        emit=lambda _event, **_fields: None,
        clock=time.monotonic,
    )


def parsing(data, chunk=4096):
    """Return the CPU seconds to parse `data` in chunks of a serial port: the minimum of five."""
    chunks = [data[start : start + chunk] for start in range(0, len(data), chunk)]

    def turn():
        start = time.process_time()
        session(Canned([START, *chunks, EXIT])).run("x", time.monotonic() + 600)
        return time.process_time() - start

    return min(turn() for _ in range(5))


def latency(boards, seconds):
    """Return the reply latencies of one board while the other boards print."""
    consoles = [Pipes() for _ in range(boards)]
    over = threading.Event()

    def chatter(console):
        while not over.wait(0.0089):  # 115200 baud: 11520 bytes per second
            os.write(console.board_writes, CHATTER + CHATTER[:20] + b"\n")

    threads = [
        threading.Thread(target=session(c).run, args=("x", time.monotonic() + 600))
        for c in consoles
    ]
    threads += [threading.Thread(target=chatter, args=(c,)) for c in consoles[1:]]
    for console in consoles:
        os.write(console.board_writes, START)
    for thread in threads:
        thread.start()
    asking = consoles[0]
    os.read(asking.board_reads, 4096)  # input from the session
    times = []
    end = time.monotonic() + seconds
    number = 0
    while time.monotonic() < end:
        number += 1
        request = DataFrame(b"Q", b"ab12-%d" % number, 1, 1, b"send,x,k=v,").line()
        start = time.monotonic()
        os.write(asking.board_writes, request)
        os.read(asking.board_reads, 4096)
        times.append(time.monotonic() - start)
        reply = DataFrame(b"R", b"ab12-%d" % number, 1, 1, b"0,,")
        os.write(asking.board_writes, b"<LAVA_MN A ab12-%d %b>\n" % (number, reply.sum))
        time.sleep(0.01)
    over.set()
    for thread in threads[boards:]:
        thread.join()
    for console in consoles:
        os.write(console.board_writes, b"\n" + EXIT)
    for thread in threads[:boards]:
        thread.join()
    for console in consoles:
        console.close()
    return times


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--boards", type=int, default=40)
    parser.add_argument("--seconds", type=float, default=10.0)
    arguments = parser.parse_args()
    size = 50 << 20
    taken = parsing(CHATTER * (size // len(CHATTER)))
    print(f"output:    {size / 1e6 / taken:8.1f} MB/s  ({taken / (size / 1e6) * 1000:.2f} ms/MB)")
    count = 50_000
    lines = [
        b"<LAVA_SIGNAL_TESTCASE TEST_CASE_ID=case-%d RESULT=pass>\r\n" % n for n in range(count)
    ]
    print(f"signals:   {count / parsing(b''.join(lines)):8.0f} /s, as foreign scripts print them")
    told = []
    for n in range(count):
        words = b"signal,SIGNAL_TESTCASE,TEST_CASE_ID=case-%d,RESULT=pass," % n
        told += [
            DataFrame(b"Q", b"ab12cd34-%d" % n, 1, 1, words).line(),
            lines[n][:-2] + b"~~~~\r\n",
        ]
    print(f"signals:   {count / parsing(b''.join(told)):8.0f} /s, told and acknowledged")
    for boards in (1, arguments.boards):
        times = latency(boards, arguments.seconds)
        print(
            f"reply:     {statistics.median(times) * 1e3:8.2f} ms median, "
            f"{max(times) * 1e3:.2f} ms worst of {len(times)}, {boards} boards"
        )


if __name__ == "__main__":
    main()
