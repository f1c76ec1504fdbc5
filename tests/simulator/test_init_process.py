"""The first process: environment, scripts, terminal."""

import os
import pty
import termios

from lava_dispatcher_multinode.simulator import init_process


def test_environment():
    """A login's environment is complete, and has nothing of this process's."""
    environment = init_process.environment("/root", "panda01")
    assert environment["PATH"].split(":")[0] == "/usr/local/sbin"
    assert (environment["HOME"], environment["PS1"]) == ("/root", "root@panda01:~# ")
    assert not set(environment) & {"PYTHONPATH", "VIRTUAL_ENV", "LD_PRELOAD"}


def test_sane_terminal():
    """A terminal is as a getty leaves it: lines, echo, signals, CR and LF translated."""
    master, slave = pty.openpty()
    settings = termios.tcgetattr(slave)
    settings[0] = settings[1] = settings[3] = 0
    termios.tcsetattr(slave, termios.TCSANOW, settings)
    init_process.reset_terminal(slave)
    os.write(master, b"typed\r")
    assert os.read(slave, 100) == b"typed\n"
    assert os.read(master, 100) == b"typed\r\n"
    os.write(slave, b"out\n")
    assert os.read(master, 100) == b"out\r\n"
    os.close(master)
    os.close(slave)


def test_scripts_name_their_pid_file():
    """The scripts find init where they are told that it is."""
    scripts = init_process.scripts("/run/init.pid")
    assert sorted(scripts) == ["halt", "poweroff", "reboot", "shutdown"]
    assert "kill -TERM" in scripts["reboot"]
    assert "/run/init.pid" in scripts["reboot"]
