"""A fake boot loader on its standard input and output, for lava_templates.py.

    python bench/fake_boot_loader.py SPEECH.json POWER

It is no real boot loader: it prints the texts in SPEECH.json, echoes what is typed, takes every
command for done, and starts a real shell as the kernel's. It fetches nothing.
POWER is a FIFO with the words `on`, `off` and `reset`. SPEECH.json has
`banner`, `countdown` (empty: there is none), `key` (the bytes that stop it; empty: any),
`prompt` (empty: the board boots by itself), `start`, the file with the line that starts the
kernel, and `typed`, the file that gets each line.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

COUNTDOWN_S = 20.0
CTRL_C = b"\x03"
CTRL_U = b"\x15"  # GRUB drops the line
STATUS = b"lava_rc="
KERNEL = b"\r\nStarting kernel ...\r\n\r\n[    0.000000] Linux version 6.1.0 (fake)\r\n"


class PowerChanged(Exception):
    """A word came from the power switch."""


class Board:
    """The board: off, or in its boot loader, or at a shell."""

    def __init__(self, speech, power):
        self.speech = speech
        self.power = os.open(power, os.O_RDWR)
        self.words = b""
        self.shell = None

    def live(self):
        """Follow the power switch until the console is closed."""
        state = "off"
        while True:
            try:
                if state in ("on", "reset"):
                    self.boot()
                else:
                    self.read(None)
            except PowerChanged as change:
                state = str(change)
            except EOFError:
                return

    def read(self, seconds):
        """Return input, empty after `seconds`; raise `PowerChanged` at a word of the switch."""
        inputs = [self.power] if self.shell else [self.power, 0]
        ready, _, _ = select.select(inputs, [], [], seconds)
        if self.power in ready:
            self.words += os.read(self.power, 100)
            word, newline, self.words = self.words.partition(b"\n")
            if newline:
                self.end_shell()
                raise PowerChanged(word.decode())
            self.words = word
        if 0 in ready:
            data = os.read(0, 4096)
            if not data:
                raise EOFError
            return data
        return b""

    def boot(self):
        """Go from the banner to the shell."""
        say(self.speech["banner"].encode())
        if self.speech["prompt"]:
            self.wait_for_key()
            self.prompt()
        say(KERNEL)
        self.log_in()

    def wait_for_key(self):
        """Stop at the key; without it, start the kernel of the card."""
        if not self.speech["countdown"]:
            return
        say(self.speech["countdown"].encode() + b":  2 ")
        typed, key = b"", self.speech["key"].encode()
        while not typed or key not in typed:
            data = self.read(COUNTDOWN_S)
            if not data:
                say(KERNEL)
                self.read(None)
            typed += data
        say(b"\r\n")

    def prompt(self):
        """Echo and record lines until the one that starts the kernel."""
        line, prompt = b"", self.speech["prompt"].encode()
        say(prompt)
        while True:
            for one in self.read(None):
                character = bytes([one])
                if character in b"\r\n":
                    say(b"\r\n")
                    if self.run(line.decode()):
                        return
                    line = b""
                    say(prompt)
                elif character == CTRL_U:
                    line = b""
                elif character == CTRL_C:
                    line = b""
                    say(b"<INTERRUPT>\r\n" + prompt)
                else:
                    line += character
                    say(character)

    def run(self, line):
        """Answer a line; return whether it starts the kernel."""
        if not line.strip():
            return False
        if STATUS.decode() in line or line.strip() == "echo $?":
            say(b"lava_rc=0\r\n" if STATUS.decode() in line else b"0\r\n")
            return False
        with Path(self.speech["typed"]).open("a", encoding="utf-8") as file:
            file.write(line + "\n")
        if line.startswith("tftp"):
            say(b"Bytes transferred = 1024 (400 hex)\r\n")
        return line == Path(self.speech["start"]).read_text("utf-8")

    def log_in(self):
        """Ask for a user, then run a real shell until the power changes."""
        say(b"\r\nfake login: ")
        line = b""
        while not line.endswith((b"\r", b"\n")):
            data = self.read(None)
            say(data)
            line += data
        say(b"\r\n")
        subprocess.run(["stty", "sane"], check=True)
        self.shell = subprocess.Popen(["sh", "-i"], env={**os.environ, "PS1": "# "})
        while True:
            self.read(None)

    def end_shell(self):
        """Kill the shell."""
        if self.shell is not None:
            self.shell.send_signal(signal.SIGKILL)
            self.shell.wait()
            self.shell = None
            subprocess.run(["stty", "raw", "-echo"], check=True)


def say(data):
    os.write(1, data)


if __name__ == "__main__":
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    subprocess.run(["stty", "raw", "-echo"], check=True)
    Board(json.loads(Path(sys.argv[1]).read_text("utf-8")), sys.argv[2]).live()
