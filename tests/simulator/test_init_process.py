"""The init process: environment, scripts, terminal."""

import pty
import termios

from lava_dispatcher_multinode.simulator import init_process


def test_environment():
    """The environment of a login is complete, and has no variable of this process."""
    environment = init_process.LoginSession("panda01", "ttyO2", 0, autologin=False).environment()
    assert environment["PATH"].split(":")[0] == "/usr/local/sbin"
    assert (environment["HOME"], environment["PS1"]) == ("/root", "root@panda01:~# ")
    assert not set(environment) & {"PYTHONPATH", "VIRTUAL_ENV", "LD_PRELOAD"}


def test_sane_terminal():
    """A reset terminal has line mode, echo, signals, and translates CR and LF."""
    master, slave = pty.openpty()
    settings = termios.tcgetattr(slave)
    settings[0] = settings[1] = settings[3] = 0
    termios.tcsetattr(slave, termios.TCSANOW, settings)
    init_process.reset_terminal(slave)
    # The echo may come in parts.
    with open(master, "r+b", buffering=0) as operator, open(slave, "r+b", buffering=0) as board:
        operator.write(b"typed\r")
        assert board.readline() == b"typed\n"
        assert operator.readline() == b"typed\r\n"
        board.write(b"out\n")
        assert operator.readline() == b"out\r\n"
