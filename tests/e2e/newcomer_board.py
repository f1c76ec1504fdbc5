"""Stand-in for a board of no known type, on the terminal of this process.

It has a boot loader's dialogue, a login with a password, and a real shell of root, in namespaces
of its own, with the prompt of systemd 258. Named pipe in the first argument: "on" and "off" of
its power switch.
"""

from __future__ import annotations

import os
import pty
import select
import sys
import time
import tty

PASSWORD = b"secret"
PROMPT = b"MyBoard # "
COUNTDOWN_S = 2.0
#: As systemd's profile script prints it before a prompt of bash, and bracketed paste.
CONTEXT = "start={};user=root;hostname=myboard;machineid={};bootid={};pid=1;type=shell;cwd=/root"
MARK = "\\033]3008;" + CONTEXT.format("c" * 32, "a" * 32, "b" * 32) + "\\033\\\\"
#: The board's root file system: the programs of this host, read as they are, and a new rest.
ENTER = r"""
root=$(mktemp -d)
mount -t tmpfs board "$root"
cd "$root"
mkdir proc dev tmp root etc usr run
mount --rbind /usr usr
mount --rbind /dev dev
mount -t proc proc proc
for name in bin sbin lib lib64; do
    if [ -L /$name ]; then
        ln -s "$(readlink /$name)" $name
    else
        mkdir $name
        mount --rbind /$name $name
    fi
done
exec chroot . /usr/bin/env -i HOME=/root TERM=xterm USER=root \
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    "PS1=root@myboard:~# " "PROMPT_COMMAND=printf '$1'" bash --norc --noprofile -i
"""


class PowerOff(Exception):
    """The power was switched off."""


class Board:
    """One board; `power` is the descriptor of its switch."""

    def __init__(self, power: int) -> None:
        self._power = power
        self._on = False

    def run(self) -> None:
        """Run until the end of the process."""
        while True:
            try:
                while not self._on:
                    self._byte()
                self._boot()
            except PowerOff:
                continue

    def _boot(self) -> None:
        say(b"\r\nMyBoard boot ROM 1.2\r\n\r\nU-Boot 2024.01-myboard\r\n\r\n")
        say(b"Hit any key to stop autoboot:  2 ")
        if self._byte(time.monotonic() + COUNTDOWN_S) is not None:
            self._command_line()
        say(b"\r\nStarting kernel ...\r\n\r\n[    0.000000] Linux version 6.12.1\r\n")
        say(b"[    1.042000] Run /sbin/init as init process\r\n")
        self._log_in()
        self._shell()

    def _command_line(self) -> None:
        status = 0
        say(b"\r\n" + PROMPT)
        while (line := self._line(echo=True)) != b"boot":
            if line.startswith(b"lava_rc="):
                say(b"lava_rc=%d\r\n" % status)
            elif line:
                say(b"Unknown command '%b' - try 'help'\r\n" % line)
            status = int(bool(line) and not line.startswith(b"lava_rc="))
            say(PROMPT)

    def _log_in(self) -> None:
        user = password = b""
        while (user, password) != (b"root", PASSWORD):
            if user:
                say(b"\r\nLogin incorrect\r\n")
            say(b"\r\nMyBoard OS 7\r\n\r\nmyboard login: ")
            user = self._line(echo=True)
            say(b"Password: ")
            password = self._line(echo=False)
        say(b"\r\n")

    def _shell(self) -> None:
        child, terminal = pty.fork()
        if child == 0:
            words = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-ec", ENTER]
            os.execvp(words[0], [*words, "sh", MARK])
        try:
            while True:
                ready, _, _ = select.select([0, self._power, terminal], [], [])
                if self._power in ready:
                    self._switch()
                if terminal in ready:
                    say(os.read(terminal, 4096))
                if 0 in ready:
                    os.write(terminal, os.read(0, 4096))
        finally:
            os.close(terminal)
            os.kill(child, 9)
            os.waitpid(child, 0)

    def _line(self, *, echo: bool) -> bytes:
        """Return a line that is typed; Ctrl-C drops what was typed."""
        line = b""
        while (byte := self._byte()) not in (b"\r", b"\n"):
            if byte == b"\x03":
                line = b""
                say(b"<INTERRUPT>\r\n" + PROMPT if echo else b"")
            elif byte is not None:
                line += byte
                say(byte if echo else b"")
        say(b"\r\n")
        return line

    def _byte(self, until: float | None = None) -> bytes | None:
        """Return a byte that is typed; None at `until`, or while the power is off."""
        left = None if until is None else max(0.0, until - time.monotonic())
        ready, _, _ = select.select([0, self._power], [], [], left)
        if self._power in ready:
            self._switch()
            return None if until is None else self._byte(until)
        return os.read(0, 1) if ready else None

    def _switch(self) -> None:
        word = os.read(self._power, 64).split()[-1]
        self._on = word == b"on"
        if not self._on:
            raise PowerOff


def say(data: bytes) -> None:
    """Print on the serial line."""
    while data:
        data = data[os.write(1, data) :]


if __name__ == "__main__":
    tty.setraw(0)
    Board(os.open(sys.argv[1], os.O_RDWR)).run()
