"""Simulated boards that are reached like real ones.

Their consoles are TCP ports, their power switch is a shell command, their cards are
files that the dispatcher writes. So what breaks between dispatcher and board can be
broken: a console that drops, a switch that fails.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import threading
from dataclasses import dataclass

import yaml

from lava_dispatcher_multinode.simulator.simulated_lab import SimulatedLab

from ..firmware import FIRMWARE


@dataclass
class Drop:
    """A console connection that drops when the board has printed `text`."""

    text: bytes
    back: bool = True  # the console can be opened again
    taken: bool = False  # another client holds the console afterwards


class Port:
    """Console server of one board: accepts one client at a time."""

    def __init__(self, tty, drop=None):
        self._tty = os.open(tty, os.O_RDWR | os.O_NOCTTY)
        self._server = socket.create_server(("127.0.0.1", 0))
        self.number = self._server.getsockname()[1]
        self._drop = drop
        self._drop_for_good = self._taken = False
        self._woken, self._waker = socket.socketpair()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self):
        with self._server:
            while not self._drop_for_good and self._wait(self._server):
                client, _ = self._server.accept()
                with client, contextlib.suppress(OSError):
                    if self._taken:  # ser2net's message
                        client.sendall(b"Port already in use\r\n")
                    else:
                        self._pass(client)

    def _pass(self, client):
        """Forward data in both directions until the client disconnects or the console drops."""
        tail = b""
        while ready := self._wait(client, self._tty):
            if client in ready:
                data = client.recv(4096)
                if not data:
                    return
                os.write(self._tty, data)
            if self._tty in ready:
                data = os.read(self._tty, 4096)
                client.sendall(data)
                tail = (tail + data)[-4096:]
                if self._drop is not None and self._drop.text in tail:
                    self._drop_for_good = not self._drop.back
                    self._taken = self._drop.taken
                    self._drop = None
                    return

    def _wait(self, *what):
        """Return the readable sockets of `what`, or none when the server must stop."""
        ready, _, _ = select.select([self._woken, *what], [], [])
        return [] if self._woken in ready else ready

    def close(self):
        """Stop the server."""
        self._waker.send(b"x")
        self._thread.join()
        os.close(self._tty)
        self._woken.close()
        self._waker.close()


class Switch:
    """Power control by shell commands, through a pair of FIFOs."""

    def __init__(self, board, directory):
        self._board = board
        self.asked = []
        self.directory = directory
        directory.mkdir()
        for name in ("ask", "answer"):
            os.mkfifo(directory / name)
        self._ask = os.open(directory / "ask", os.O_RDWR)
        self._answer = os.open(directory / "answer", os.O_RDWR)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def command(self, what):
        """Return the shell command that switches the power to `what` (on or off)."""
        ask, answer = self.directory / "ask", self.directory / "answer"
        return f"echo {what} > {ask}; read answer < {answer}; test $answer = done"

    def _serve(self):
        with os.fdopen(self._ask) as asked:
            for line in asked:
                what = line.strip()
                if what == "end":
                    return
                self.asked.append(what)
                self._board.power_on() if what == "on" else self._board.power_off()
                os.write(self._answer, b"done\n")

    def close(self):
        """Stop the thread."""
        (self.directory / "ask").write_text("end\n")
        self._thread.join()
        os.close(self._answer)


class Rack:
    """Simulated boards and the directory with their device files, for `--config-dir`."""

    def __init__(self, directory):
        self.config = directory / "config"
        (self.config / "devices").mkdir(parents=True)
        self._directory = directory
        self.switches = {}
        self._parts = contextlib.ExitStack()
        self._lab = self._parts.enter_context(SimulatedLab(directory / "boards"))

    def add(self, name, *, faults=None, drop=None, device=None):
        """Start a board and write its device file; `device` overrides keys, per section."""
        board = self._lab.add(name, FIRMWARE["panda"], faults or {})
        port = Port(board.console, drop)
        switch = Switch(board, self._directory / f"{name}.switch")
        self.switches[name] = switch
        self._parts.callback(port.close)
        self._parts.callback(switch.close)
        keys = {
            "device_type": "panda",
            "connection": {"serial": f"socket://127.0.0.1:{port.number}", "reconnect": 5},
            "power": {"on": switch.command("on"), "off": switch.command("off"), "settle": 0.01},
            "deploy": {"method": "media", "path": str(board.card)},
            "boot": {"retries": 1, "autoboot_timeout": 3},
        }
        for section, values in (device or {}).items():
            old = keys.get(section)
            keys[section] = {**old, **values} if isinstance(old, dict) else values
        (self.config / "devices" / f"{name}.yaml").write_text(yaml.safe_dump(keys))
        return board

    def close(self):
        """Stop all boards and servers."""
        self._parts.close()
