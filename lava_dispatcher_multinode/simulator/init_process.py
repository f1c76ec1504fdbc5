"""The first process on a simulated board: it starts the login, reaps, and ends.

It runs inside the board's confinement; whoever confined it calls `run`.
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
    from types import FrameType

#: Exit codes by which the board process learns how Linux ended.
REBOOT, POWEROFF, HALT, FAILED = 10, 11, 12, 13
#: What `kill` sends to init, as with busybox: the scripts below do.
_SIGNALS = {signal.SIGTERM: REBOOT, signal.SIGUSR2: POWEROFF, signal.SIGUSR1: HALT}
#: What Python, and the process that makes boards, ignore; programs would inherit that.
_NOT_FOR_PROGRAMS = (signal.SIGINT, signal.SIGPIPE, signal.SIGXFSZ)
_WORDS = {REBOOT: "reboot", POWEROFF: "power-off", HALT: "halt"}
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_LOGIN_LINE = 256
_PASSWORD_WAIT = 60


class Session(NamedTuple):
    """What a login starts: on which terminal, where, with which environment."""

    name: str  # the board's
    terminal: str | int  # a path to open, or a descriptor where there is none
    home: str
    environment: dict[str, str]
    autologin: bool = False


def environment(home: str, name: str, path: str = PATH) -> dict[str, str]:
    """Return the environment of a login of root on the serial console."""
    return {
        "PATH": path,
        "HOME": home,
        "USER": "root",
        "LOGNAME": "root",
        "SHELL": "/bin/sh",
        "TERM": "vt102",
        "PS1": f"root@{name}:~# ",
    }


def scripts(pid_file: str) -> dict[str, str]:
    """Return reboot, poweroff, halt and shutdown, by name, for an init whose pid is there."""

    def script(signal_name: str) -> str:
        return f'#!/bin/sh\nkill -{signal_name} "$(cat {pid_file})"\n'

    shutdown = (
        '#!/bin/sh\ncase " $* " in\n*" -r "*) exec reboot ;;\n*" -H "*) exec halt ;;\n'
        '*" -c "*) exit 0 ;;\n*) exec poweroff ;;\nesac\n'
    )
    return {
        "reboot": script("TERM"),
        "poweroff": script("USR2"),
        "halt": script("USR1"),
        "shutdown": shutdown,
    }


def run(session: Session, events: socket.socket) -> NoReturn:
    """Be init: keep a login on the terminal.

    `events` gets b"login" and b"shell", each to be answered with anything.
    """
    ending: list[int] = []

    def on_signal(number: int, frame: FrameType | None) -> None:
        del frame
        ending.append(_SIGNALS[signal.Signals(number)])
        raise InterruptedError

    for number in _SIGNALS:
        signal.signal(number, on_signal)
    terminal = _open(session.terminal)
    with contextlib.suppress(InterruptedError):
        while not ending:
            getty = _start(session, events)
            while _reap() != getty:
                pass
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    how = ending[0]
    with contextlib.suppress(OSError):
        os.write(terminal, f"\r\nThe system is going down for {_WORDS[how]} NOW!\r\n".encode())
        termios.tcdrain(terminal)
    os._exit(how)


def _reap() -> int:
    try:
        return os.waitpid(-1, 0)[0]
    except ChildProcessError:
        return 0


def _open(terminal: str | int) -> int:
    if isinstance(terminal, int):
        return terminal
    return os.open(terminal, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)


def _start(session: Session, events: socket.socket) -> int:
    child = os.fork()
    if child:
        return child
    try:
        for number in (*_SIGNALS, *_NOT_FOR_PROGRAMS):
            signal.signal(number, signal.SIG_DFL)
        _take_terminal(session.terminal)
        if not session.autologin:
            _login(session.name, events)
        os.chdir(session.home)
        os.umask(0o022)
        _tell(events, b"shell")
        os.execve("/bin/sh", ["sh"], session.environment)  # noqa: S606 - the shell is the point
    except OSError as error:
        with contextlib.suppress(OSError):
            os.write(2, f"login: {error}\n".encode())
    finally:
        os._exit(1)


def _take_terminal(terminal: str | int) -> None:
    """Make the terminal this process's own, with the settings of a fresh one."""
    os.setsid()
    descriptor = _open(terminal)
    fcntl.ioctl(descriptor, termios.TIOCSCTTY, 1)
    sane(descriptor)
    for number in range(3):
        os.dup2(descriptor, number)
    if descriptor > 2 and isinstance(terminal, str):
        os.close(descriptor)


def sane(descriptor: int) -> None:
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


def _login(name: str, events: socket.socket) -> None:
    """Ask for a user until it is root, who has no password."""
    os.write(1, f"\nLinaro 13.06 {name} ttyO2\n\n".encode())
    while True:
        os.write(1, f"{name} login: ".encode())
        _tell(events, b"login")
        user = _ask()
        if user == "root":
            os.write(1, b"Welcome to Linaro 13.06 (GNU/Linux 3.9.0-1-linaro-omap armv7l)\n\n")
            return
        if user:
            _refuse()


def _tell(events: socket.socket, what: bytes) -> None:
    """Tell the board process, and let it do what is to happen at that point."""
    events.send(what)
    events.recv(16)


def _refuse() -> None:
    settings = termios.tcgetattr(0)
    settings[3] &= ~termios.ECHO
    termios.tcsetattr(0, termios.TCSADRAIN, settings)
    os.write(1, b"Password: ")
    _ask()
    sane(0)
    os.write(1, b"\n\nLogin incorrect\n")


def _ask() -> str:
    line = os.read(0, _LOGIN_LINE)
    if not line:
        os._exit(0)  # Ctrl-D: a new login
    return line.decode("utf-8", "replace").strip()
