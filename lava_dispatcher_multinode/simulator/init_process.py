"""The init process of a simulated board: it runs the login and reaps orphans.

It runs inside the confinement of the board, which calls `run`.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import termios
from typing import TYPE_CHECKING, NamedTuple, NoReturn

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping
    from types import FrameType

#: Exit codes that tell the board process how Linux ended.
REBOOT, POWEROFF, HALT, FAILED = 10, 11, 12, 13
#: The signals of BusyBox's init; `rootfs.write_scripts` has the senders.
_SIGNALS = {signal.SIGTERM: REBOOT, signal.SIGUSR2: POWEROFF, signal.SIGUSR1: HALT}
#: Signals that Python and the spawner ignore; programs must not inherit that.
_IGNORED_SIGNALS = (signal.SIGINT, signal.SIGPIPE, signal.SIGXFSZ)
_WORDS = {REBOOT: "reboot", POWEROFF: "power-off", HALT: "halt"}
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_MAX_LOGIN_BYTES = 256


class LoginSession(NamedTuple):
    """The terminal, directory and environment of a login shell."""

    name: str  # of the board
    serial_port: str  # its name in Linux
    terminal: str | int  # a path to open, or a descriptor where there is none
    autologin: bool
    home: str = "/root"
    path: str = PATH
    variables: Mapping[str, str] = {}

    def environment(self) -> dict[str, str]:
        """Return the environment of a login of root on the serial console."""
        return {
            "PATH": self.path,
            "HOME": self.home,
            "USER": "root",
            "LOGNAME": "root",
            "SHELL": "/bin/sh",
            "TERM": "vt102",
            "PS1": f"root@{self.name}:~# ",
            **self.variables,
        }


def run(session: LoginSession, events: socket.socket) -> NoReturn:
    """Run as init: keep a login on the terminal until a signal ends Linux.

    Sends b"login" and b"shell" to `events` and waits for a reply, with any content, to each.
    """
    ending: list[int] = []

    def on_signal(number: int, frame: FrameType | None) -> None:
        del frame
        ending.append(_SIGNALS[signal.Signals(number)])
        raise InterruptedError

    for number in _SIGNALS:
        signal.signal(number, on_signal)
    terminal = _open_terminal(session.terminal)
    with contextlib.suppress(InterruptedError):
        while not ending:
            getty = _start_login(session, events)
            while _reap_child() != getty:
                pass
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    how = ending[0]
    with contextlib.suppress(OSError):
        os.write(terminal, f"\r\nThe system is going down for {_WORDS[how]} NOW!\r\n".encode())
        termios.tcdrain(terminal)
    os._exit(how)


def _reap_child() -> int:
    try:
        return os.waitpid(-1, 0)[0]
    except ChildProcessError:
        return 0


def _open_terminal(terminal: str | int) -> int:
    if isinstance(terminal, int):
        return terminal
    return os.open(terminal, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)


def _start_login(session: LoginSession, events: socket.socket) -> int:
    child = os.fork()
    if child:
        return child
    try:
        for number in (*_SIGNALS, *_IGNORED_SIGNALS):
            signal.signal(number, signal.SIG_DFL)
        _claim_terminal(session.terminal)
        if not session.autologin:
            _ask_for_root(session, events)
        os.chdir(session.home)
        os.umask(0o022)
        _report(events, b"shell")
        os.execve("/bin/sh", ["sh"], session.environment())  # noqa: S606 - the shell is the point
    except OSError as error:
        with contextlib.suppress(OSError):
            os.write(2, f"login: {error}\n".encode())
    finally:
        os._exit(1)


def _claim_terminal(terminal: str | int) -> None:
    """Make the terminal the controlling terminal of this process, with default settings."""
    os.setsid()
    descriptor = _open_terminal(terminal)
    fcntl.ioctl(descriptor, termios.TIOCSCTTY, 1)
    reset_terminal(descriptor)
    for number in range(3):
        os.dup2(descriptor, number)
    if descriptor > 2 and isinstance(terminal, str):
        os.close(descriptor)


def reset_terminal(descriptor: int) -> None:
    """Give a terminal the settings of `stty sane` at 115200 baud."""
    settings = termios.tcgetattr(descriptor)
    settings[0] = termios.ICRNL | termios.IXON | termios.BRKINT | termios.IMAXBEL
    settings[1] = termios.OPOST | termios.ONLCR
    settings[2] = termios.CS8 | termios.CREAD | termios.HUPCL | termios.CLOCAL | termios.B115200
    settings[3] = (
        termios.ISIG
        | termios.ICANON
        | termios.ECHO
        | termios.ECHOE
        | termios.ECHOK
        | termios.IEXTEN
        | termios.ECHOCTL
        | termios.ECHOKE
    )
    settings[4] = settings[5] = termios.B115200
    for name, value in (
        (termios.VINTR, b"\x03"),
        (termios.VQUIT, b"\x1c"),
        (termios.VERASE, b"\x7f"),
        (termios.VKILL, b"\x15"),
        (termios.VEOF, b"\x04"),
        (termios.VSUSP, b"\x1a"),
    ):
        settings[6][name] = value
    termios.tcsetattr(descriptor, termios.TCSANOW, settings)


def _ask_for_root(session: LoginSession, events: socket.socket) -> None:
    """Ask for a user name until it is root, which has no password."""
    os.write(1, f"\nLinaro 13.06 {session.name} {session.serial_port}\n\n".encode())
    while True:
        os.write(1, f"{session.name} login: ".encode())
        _report(events, b"login")
        user = _read_answer()
        if user == "root":
            os.write(1, b"Welcome to Linaro 13.06 (GNU/Linux 3.9.0-1-linaro-omap armv7l)\n\n")
            return
        if user:
            _refuse_login()


def _report(events: socket.socket, point: bytes) -> None:
    """Report `point` to the board process and wait until it has applied its faults."""
    events.send(point)
    events.recv(16)


def _refuse_login() -> None:
    settings = termios.tcgetattr(0)
    settings[3] &= ~termios.ECHO
    termios.tcsetattr(0, termios.TCSADRAIN, settings)
    os.write(1, b"Password: ")
    _read_answer()
    reset_terminal(0)
    os.write(1, b"\n\nLogin incorrect\n")


def _read_answer() -> str:
    line = os.read(0, _MAX_LOGIN_BYTES)
    if not line:
        os._exit(0)  # Ctrl-D: init starts a new login
    return line.decode("utf-8", "replace").strip()
