"""Measure the console's path from a pty to log, death strings and signals: MB/s, CPU, memory.

    [LAVA_DISPATCHER_PATH=...] python bench/console.py [--megabytes 50,500]

A separate process prints to the pty as fast as it is read: kernel-like lines, with one test
result in a hundred. CPU seconds are those of the reading process. "test shell" is the whole path:
pump, console.raw, console.log, death strings, buffer, and the session that finds results;
"console" ends at the buffer. "lava loop" is LAVA's own loop, with its patterns, its log file and
its console (a copying process), as a reference, if LAVA's dispatcher is installed or unpacked.
"""

from __future__ import annotations

import argparse
import inspect
import logging
import multiprocessing
import os
import resource
import signal
import sys
import tempfile
import threading
import time
import tty
from pathlib import Path

import pexpect
from pexpect.fdpexpect import fdspawn

from lava_dispatcher_multinode.boards.bootloaders.u_boot_messages import BANNERS
from lava_dispatcher_multinode.console.board_console import Console
from lava_dispatcher_multinode.console.death_strings import KERNEL
from lava_dispatcher_multinode.console.transcript import Transcript
from lava_dispatcher_multinode.console.transport import DescriptorTransport
from lava_dispatcher_multinode.testshell.session import ShellSession

START = b"<LAVA_TEST_RUNNER START true>\r\n"
END = b"<LAVA_TEST_RUNNER EXIT>\r\n"
LINE = b"[%5d.%06d] usb 1-1.%d: new high-speed USB device number %d using ehci-omap\r\n"
RESULT = b"<LAVA_SIGNAL_TESTCASE TEST_CASE_ID=case-%d RESULT=pass>\r\n"
BOARDS = 40
BAUD = 115200
COMPARED = ("lava loop", "test shell")
FORK = multiprocessing.get_context("fork")  # inherits file descriptors
BURST = 0.016  # seconds of data that a USB adapter delivers at once


def block() -> bytes:
    """Return about a megabyte of board output."""
    lines = []
    for number in range(13000):
        lines.append(LINE % (number // 50, number % 10**6, number % 4, number % 100))
        if number % 100 == 0:
            lines.append(RESULT % number)
    return b"".join(lines)


def talk(descriptor: int, megabytes: float) -> None:
    """Print this many megabytes and an end marker."""
    os.write(descriptor, START)
    data = memoryview(block())
    left = int(megabytes * 1e6)
    while left > 0:
        view = data[:left]
        left -= len(view)
        while view:
            view = view[os.write(descriptor, view) :]
    os.write(descriptor, END)
    signal.pause()  # closing one end of a pty discards unread data


def plain(descriptor: int) -> None:
    """Read without further processing."""
    tail = b""
    while END not in tail:
        tail = tail[-100:] + os.read(descriptor, 65536)


def pexpect_defaults(descriptor: int) -> None:
    """Wait for the end marker with pexpect's defaults."""
    fdspawn(descriptor, timeout=None).expect_exact(END)


def pexpect_windows(descriptor: int) -> None:
    """Wait for the end marker with bytes, a search window and large reads."""
    spawn = fdspawn(descriptor, timeout=None, maxread=65536, searchwindowsize=4000)
    spawn.expect([END.replace(b"\r", b"\\r")])


def console(descriptor: int) -> None:
    """Transcript, death strings and buffer, with a reader that discards the data."""
    with tempfile.TemporaryDirectory() as directory:
        made = open_console(descriptor, directory)
        made.watch((*KERNEL, *BANNERS))
        with made.lossless():
            tail = b""
            while END not in tail:
                tail = tail[-100:] + made.read(60)
        made.close()


def test_shell(descriptor: int) -> None:
    """The whole path, including the test shell."""
    with tempfile.TemporaryDirectory() as directory:
        made = open_console(descriptor, directory)
        session = ShellSession(
            made,
            node="n",
            submit=lambda *_: None,
            emit=lambda *_, **__: None,
            clock=time.monotonic,
        )
        made.watch((*KERNEL, *BANNERS))
        with made.lossless():
            session.run("true", time.monotonic() + 3600)
        made.close()


def lava_loop(descriptor: int) -> None:
    """LAVA's test shell: its loop, its log file, and a console of its kind."""
    sys.path.append(os.environ.get("LAVA_DISPATCHER_PATH", ""))
    from lava_common.log import YAMLLogger
    from lava_common.timeout import Timeout
    from lava_dispatcher.actions.test.shell import TestShellAction
    from lava_dispatcher.shell import ShellCommand

    with tempfile.TemporaryDirectory() as directory:
        logger = YAMLLogger("dispatcher")
        logger.addHandler(logging.FileHandler(f"{directory}/output.yaml"))
        action = TestShellAction()
        action.logger = logger
        action.parameters = {"stage": 0}
        action._reset_patterns()  # noqa: SLF001 - like its validate()
        action.signal_director.test_uuid = "u"
        newer = [None] if "action" in inspect.signature(Timeout).parameters else []
        command = f"cat {os.ttyname(descriptor)}"
        shell = ShellCommand(command, Timeout("bench", *newer, duration=3600), logger)
        while action._keep_running(shell, 3600, "#"):  # noqa: SLF001 - like its run()
            pass
        shell.close(force=True)


def lava_is_there() -> bool:
    """Return True if LAVA's dispatcher can be imported."""
    sys.path.append(os.environ.get("LAVA_DISPATCHER_PATH", ""))
    try:
        import lava_dispatcher  # noqa: F401
    except ImportError:
        return False
    return True


def open_console(descriptor: int, directory: str) -> Console:
    """Return a console over a copy of the descriptor."""
    return Console(
        DescriptorTransport(os.dup(descriptor), "bench"),
        Transcript(Path(directory), time.monotonic),
    )


def measured(read, megabytes: float, pipe) -> None:
    """Send seconds, CPU seconds and the peak memory in MB of `read`."""
    board, descriptor = os.openpty()
    tty.setraw(descriptor)
    talker = FORK.Process(target=talk, args=(board, megabytes), daemon=True)
    talker.start()
    os.close(board)
    began, cpu = time.perf_counter(), time.process_time()
    read(descriptor)
    used = time.perf_counter() - began, time.process_time() - cpu
    pipe.send((*used, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))
    talker.terminate()
    talker.join()


def in_a_process(function, *arguments):
    """Return the result of `function` from a separate process, with separate memory."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=function, args=(*arguments, there)
    )
    process.start()
    there.close()
    result = here.recv()
    process.join()
    return result


def boards(pipe) -> None:
    """Send the CPU seconds per second for `BOARDS` boards that print."""
    ends = [os.openpty() for _ in range(BOARDS)]
    for _, descriptor in ends:
        tty.setraw(descriptor)
    talker = FORK.Process(target=talk_at_baud, args=([board for board, _ in ends],), daemon=True)
    talker.start()
    for board, _ in ends:
        os.close(board)
    began, cpu = time.perf_counter(), time.process_time()
    readers = [threading.Thread(target=test_shell, args=(end,)) for _, end in ends]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    pipe.send((time.process_time() - cpu) / (time.perf_counter() - began))
    talker.terminate()
    talker.join()


def talk_at_baud(descriptors: list[int], seconds: float = 5.0) -> None:
    """Print at the speed of a serial line, in chunks of a USB adapter."""
    for descriptor in descriptors:
        os.write(descriptor, START)
    data = block()
    size = int(BAUD / 10 * BURST)
    began, burst = time.monotonic(), 0
    while time.monotonic() < began + seconds:
        piece = data[burst * size % 900_000 :][:size]
        for number, descriptor in enumerate(descriptors):
            due = began + (burst + number / len(descriptors)) * BURST
            time.sleep(max(0.0, due - time.monotonic()))
            os.write(descriptor, piece)
        burst += 1
    for descriptor in descriptors:
        os.write(descriptor, b"\r\n" + END)
    signal.pause()


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--megabytes", default="50,500")
    sizes = [float(size) for size in parser.parse_args().megabytes.split(",")]
    print(f"pexpect {pexpect.__version__}; every figure with a pty and its writer beside it\n")
    print(f"{'':24}{'MB':>6}{'MB/s':>9}{'CPU s/MB':>11}{'RSS MB':>9}")
    rows = [(plain, sizes[0]), (pexpect_defaults, 2), (pexpect_windows, sizes[0])]
    rows += [(lava_loop, 5)] if lava_is_there() else []
    rows += [(read, size) for read in (console, test_shell) for size in sizes]
    costs = {}
    for read, size in rows:
        seconds, cpu, memory = in_a_process(measured, read, size)
        name = read.__name__.replace("_", " ")
        costs.setdefault(name, (seconds / size, cpu / size))
        print(f"{name:24}{size:6.0f}{size / seconds:9.1f}{cpu / size:11.4f}{memory:9.0f}")
    if "lava loop" in costs:
        wall, cpu = (lava / ours for lava, ours in zip(*[costs[n] for n in COMPARED], strict=True))
        print(f"\nbeside LAVA's loop: {wall:.1f} times the MB/s, 1/{cpu:.1f} of the CPU per MB")
    share = in_a_process(boards)
    print(f"\n{BOARDS} boards at {BAUD} baud, whole path: {100 * share:.0f} % of one core,")
    print(f"so one core carries about {BOARDS / share:.0f}")


if __name__ == "__main__":
    main()
