"""Simulated boards from power-on to a shell, and their separation from the host."""

import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from lava_dispatcher_multinode.errors import InfrastructureError, InvalidJob, PowerError
from lava_dispatcher_multinode.simulator import simulated_lab as lab_module
from lava_dispatcher_multinode.simulator.simulated_lab import SimulatedLab

from ..firmware import FIRMWARE
from ..needs import python_of_others

pytestmark = pytest.mark.slow

TALK = (
    "import socket,sys; s=socket.create_connection((sys.argv[1],5001),10); "
    "s.sendall(b'hello from '+socket.gethostname().encode()); s.close()"
)
LISTEN = (
    "import socket; s=socket.create_server(('',5001)); print('listening',flush=True); "
    "c,a=s.accept(); print('got',c.recv(100).decode(),'from',a[0])"
)


@pytest.mark.parametrize("model", ["panda", "beaglexm"])
def test_boot_with_the_lines_of_2013(operator, model):
    """The commands of the dispatcher of 2013 lead to a root shell on each model."""
    board = operator(model).boot()
    printed = board.log.getvalue().decode()
    for text in (
        "U-Boot SPL 2012.10",
        "Hit any key to stop autoboot:  3 ",
        "DRAM:  ",
        "Starting kernel ...",
        "Uncompressing Linux... done, booting the kernel.",
        "Linux version 3.",
        "(simulated)",
        "root=LABEL=testrootfs",
        "login: ",
    ):
        assert text in printed
    assert "\n" not in printed.replace("\r\n", "")
    assert board.run("id -u") == ("0\n", 0)
    assert board.run("tty") == ("/dev/ttyO2\n", 0)
    assert board.run("hostname") == (f"{board.board.name}\n", 0)


def test_console_before_power(operator):
    """The console exists before the power-on; input is lost until then."""
    board = operator()
    board.type("lost\r")
    assert board.silent(0.05)
    board.board.power_on()
    board.expect("Hit any key to stop autoboot:  3")
    assert "lost" not in board.before


def test_autoboot_without_a_system(operator):
    """Without a deployed image, autoboot ends at the prompt."""
    board = operator(card=False, countdown=0)
    board.board.power_on()
    board.expect("Panda # ")
    assert "no card present" in board.before
    assert "Linux" not in board.before


def test_autoboot_of_an_image(operator, shared_lab):
    """A card in the layout "image" boots by itself, from partitions 1 and 2."""
    board = operator(card=False, countdown=0)
    board.deploy("image")
    board.board.power_on()
    board.login()
    assert "root=/dev/mmcblk0p2" in board.log.getvalue().decode()


def test_the_countdown_runs_bootcmd(operator):
    """Without a key, the countdown ends and bootcmd runs."""
    board = operator(countdown=1)
    board.board.power_on()
    board.expect("Hit any key to stop autoboot:  1 \b\b\b 0 \r\n")
    board.expect('** Unable to read "uImage" from mmc 0')


def test_power_cut_in_the_middle(operator):
    """A power cut takes effect at once, and power-on starts the board again."""
    board = operator().boot()
    board.line("sleep 1000 & echo started")
    board.expect("started")
    board.board.power_off()
    board.type("x")
    assert board.board.power_off() is None
    assert board.board.known_off
    board.loader()


def test_reboot_by_the_system(operator):
    """`reboot` starts the boot loader; files stay, processes and /tmp do not."""
    board = operator().boot()
    board.run("echo kept > /etc/kept; echo gone > /tmp/gone; sleep 1000 &")
    board.line("reboot")
    board.expect("The system is going down for reboot NOW!")
    board.expect("Restarting system.")
    board.expect("Hit any key to stop autoboot")
    board.type("\r")
    for command in (
        "setenv bootargs 'console=ttyO2 root=/dev/mmcblk0p5'",
        "fatload mmc 0:3 80200000 uImage",
    ):
        board.expect("Panda # ")
        board.line(command)
    board.expect("bytes read\r\nPanda # ")
    board.line("bootm 80200000")
    board.login()
    assert board.run("cat /etc/kept; ls /tmp; pgrep sleep || ps | grep -c '[s]leep'")[0] == (
        "kept\n0\n"
    )


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("poweroff", "Power down."),
        ("halt", "System halted."),
        ("shutdown -h now", "Power down."),
    ],
)
def test_end_of_the_system(operator, command, words):
    """After `poweroff` and `halt`, the board is silent until its power is switched."""
    board = operator().boot()
    board.line(command)
    board.expect(words + "\r\n")
    board.type("\r")
    assert board.silent(0.1)
    board.board.power_off()
    board.loader()


def test_new_deploy_starts_afresh(operator):
    """Writing the card again gives a new file system."""
    board = operator().boot()
    board.run("echo old > /etc/old")
    board.board.power_off()
    board.deploy()
    board.boot()
    assert board.run("ls /etc/old")[1] != 0


def test_login_of_others_is_refused(operator):
    """Only root can log in."""
    board = operator()
    board.start_kernel()
    board.expect("login: ")
    board.line("nobody")
    board.expect("Password: ")
    board.line("secret")
    board.expect("Login incorrect")
    assert "secret" not in board.before
    board.login()


def test_exit_brings_a_new_login(operator):
    """Leaving the shell starts a new login."""
    board = operator().boot()
    board.line("exit")
    board.login()


def test_interrupt_and_job_control(operator):
    """Ctrl-C ends a program; the shell has a controlling terminal."""
    board = operator().boot()
    board.line("sh -c 'echo o\"\"k; exec sleep 1000'")
    board.expect("ok\r\n")
    board.type("\x03")
    board.expect("# ")
    assert board.run("echo alive $-")[0].startswith("alive ")
    assert board.run("yes | head -1") == ("y\n", 0)
    assert "job control" not in board.log.getvalue().decode()


def test_host_is_out_of_reach(operator, tmp_path):
    """A board has its own hosts file, home, temporary files and processes."""
    before = Path("/etc/hosts").read_bytes()
    (tmp_path / "job-file").write_text("secret")
    board = operator().boot()
    name = board.board.name
    assert board.run(f"echo '9.9.9.9 {name}-x' >> /etc/hosts && grep -c {name}-x /etc/hosts") == (
        "1\n",
        0,
    )
    assert Path("/etc/hosts").read_bytes() == before
    assert board.run("ls -A /home /root /tmp /srv /mnt") == (
        "/home:\n\n/mnt:\n\n/root:\n\n/srv:\n\n/tmp:\n",
        0,
    )
    assert board.run(f"ls {tmp_path} {Path(__file__).parent} {board.board.card}")[1] != 0
    assert board.run("touch /usr/local/bin/own /usr/bin/own && rm /usr/bin/env")[1] == 0
    assert not Path("/usr/local/bin/own").exists()
    assert Path("/usr/bin/env").exists()
    processes = board.run("for p in /proc/[0-9]*; do echo ${p#/proc/}; done")[0].split()
    assert processes == ["1", "2"]


def test_kernel_of_the_host_is_out_of_reach(operator):
    """Root on a board cannot restart or configure the host."""
    board = operator().boot()
    for command in (
        "echo b > /proc/sysrq-trigger",
        "echo x > /proc/sys/kernel/core_pattern",
        "mknod /tmp/disk b 254 0",
        "cat /proc/1/environ",
    ):
        assert board.run(f"( {command} ) 2>/dev/null")[1] != 0, command


def test_environment_has_nothing_of_the_host(operator, monkeypatch):
    """A login has none of the host's variables."""
    board = operator().boot()
    names = {line.partition("=")[0] for line in board.run("env")[0].splitlines()}
    assert names <= {
        "PATH",
        "HOME",
        "USER",
        "LOGNAME",
        "SHELL",
        "TERM",
        "PS1",
        "PWD",
        "OLDPWD",
        "SHLVL",
        "_",
    }


def test_python_on_the_board(operator):
    """Every board has a python3."""
    assert operator().boot().run("python3 -c 'print(6 * 7)'") == ("42\n", 0)


def test_two_boards_talk_by_name(operator):
    """Boards reach each other by name over their network."""
    server, client = operator(), operator("beaglexm")
    server.boot()
    client.boot()
    assert "127.0.0.1" not in server.run(f"grep {client.board.name} /etc/hosts")[0]
    server.line(f'python3 -c "{LISTEN}"')
    server.expect("listening\r\n")
    assert client.run(f'python3 -c "{TALK}" {server.board.name}') == ("", 0)
    server.expect(f"got hello from {client.board.name} from {client.board.address}\r\n")


def test_host_network_is_out_of_reach(operator):
    """A board cannot reach a server on the loopback of the host."""
    board = operator().boot()
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        connect = f"import socket; socket.create_connection(('127.0.0.1',{port}),2)"
        assert board.run(f'python3 -c "{connect}" 2>/dev/null')[1] == 1


def test_large_output_is_whole(operator):
    """A megabyte of output arrives completely."""
    board = operator().boot()
    digest, code = board.run("seq 1 150000 | tee /tmp/numbers | cksum")
    assert code == 0
    output = board.run("cat /tmp/numbers")[0]
    assert output == "".join(f"{number}\n" for number in range(1, 150001))
    assert digest.split()[1] == str(len(output))


def test_long_input_is_whole(operator):
    """A long input arrives completely."""
    board = operator().boot()
    board.line("stty -echo; cat > /tmp/typed; stty echo")
    board.expect("stty echo\r\n")
    text = "".join(f"line {number} of what is typed\n" for number in range(2000))
    for start in range(0, len(text), 1000):
        board.type(text[start : start + 1000])
    board.type("\x04")
    board.expect("# ")
    assert board.run("wc -c < /tmp/typed")[0].strip() == str(len(text))


def lab_program(directory):
    """Return a program that boots a board, starts a process on it, and waits."""
    return f"""
import os, sys, pathlib, select
from lava_dispatcher_multinode.lab.device_sections import SimulatedFirmware
from lava_dispatcher_multinode.simulator.simulated_lab import SimulatedLab
lab = SimulatedLab(pathlib.Path({str(directory)!r}), confinement="namespaces")
board = lab.add("panda01", SimulatedFirmware(), {{"autologin": True, "countdown": 0}})
import io
from lava_dispatcher_multinode.images.card import write_card
from lava_dispatcher_multinode.images.example_images import example_image
write_card(io.BytesIO(example_image("panda")), board.card, "image")
board.power_on()
console = os.open(board.console, os.O_RDWR | os.O_NOCTTY)
seen = b""
def expect(text):
    global seen
    while text not in seen:
        if not select.select([console], [], [], 20)[0]:
            sys.exit("no " + text.decode() + " in " + repr(seen))
        seen += os.read(console, 4096)
    seen = seen.partition(text)[2]
expect(b":~# ")
os.write(console, b"sh -c 'trap \\"\\" HUP; echo o\\"\\"k; while :; do sleep 98765; done' &\\r")
expect(b"ok\\r\\n")
print(lab._process.pid, flush=True)
sys.stdin.read()
lab.close()
print("closed", flush=True)
"""


def descendants(pid):
    """Return a process and all below it."""
    found = [pid]
    for parent in found:
        for task in Path(f"/proc/{parent}/task").glob("*/children"):
            found += [int(child) for child in task.read_text().split()]
    return found


def start_owner(tmp_path, *prefix, python=sys.executable, environment=None):
    """Start `lab_program`; return it and descriptors of all processes of its lab."""
    owner = subprocess.Popen(
        [*prefix, python, "-c", lab_program(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )
    line = owner.stdout.readline()
    if not line:
        owner.stdin.close()
        owner.stdout.close()
        pytest.fail(f"the owner ended with {owner.wait()}")
    return owner, {pid: os.pidfd_open(pid) for pid in descendants(int(line))}


def all_processes_ended(processes, seconds):
    """Return True if all processes end in that time; close the descriptors."""
    end = time.monotonic() + seconds
    gone = True
    for descriptor in processes.values():
        gone &= bool(select.select([descriptor], [], [], max(0, end - time.monotonic()))[0])
        os.close(descriptor)
    return gone


@pytest.mark.parametrize("how", ["close", "kill"])
def test_nothing_outlives_the_lab(tmp_path, shared_lab, how):
    """A closed or killed lab leaves no process of boards or their programs."""
    owner, processes = start_owner(tmp_path)
    names = [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in processes]
    assert any(b"98765" in name for name in names)
    with owner.stdin, owner.stdout:
        if how == "kill":
            owner.send_signal(signal.SIGKILL)
        else:
            owner.stdin.close()
            assert owner.stdout.read() == "closed\n"
        assert all_processes_ended(processes, 10)
        owner.wait()
    assert not [
        line
        for line in Path("/proc/self/mountinfo").read_text().splitlines()
        if str(tmp_path) in line
    ]


def test_boards_end_with_a_killed_spawner(tmp_path, shared_lab):
    """A killed spawner leaves no process of the boards."""
    owner, processes = start_owner(tmp_path)
    with owner.stdin, owner.stdout:
        os.kill(next(iter(processes)), signal.SIGKILL)
        assert all_processes_ended(processes, 10)
        owner.stdin.close()
        owner.wait()


@pytest.mark.needs("another user", "setpriv")
def test_ordinary_user(tmp_path, shared_lab):
    """An ordinary user gets the same boards."""
    drop = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    with tempfile.TemporaryDirectory(dir="/tmp") as place:
        package = Path(lab_module.__file__).parents[1]  # which may be in a private home
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(package, Path(place, package.name), ignore=ignored)
        os.chown(place, 65534, 65534)
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": place}
        owner, processes = start_owner(
            place, *drop, python=python_of_others(), environment=environment
        )
        with owner.stdin, owner.stdout:
            owner.stdin.close()
            assert owner.stdout.read() == "closed\n"
            assert all_processes_ended(processes, 10)
            owner.wait()


def test_wrong_boards(shared_lab):
    """An unknown fault and an invalid name are errors."""
    with pytest.raises(InvalidJob, match="host name"):
        shared_lab.add("a b", FIRMWARE["panda"], {})
    with pytest.raises(InvalidJob, match="did you mean 'panic'"):
        shared_lab.add("wrong1", FIRMWARE["panda"], {"panik": "login"})


def test_same_name_twice(shared_lab):
    """Two boards with one name are an error."""
    shared_lab.add("twice", FIRMWARE["panda"], {})
    with pytest.raises(InvalidJob, match="two boards 'twice'"):
        shared_lab.add("twice", FIRMWARE["panda"], {})


def test_closed_board(operator):
    """A closed board cannot be switched."""
    board = operator()
    board.board.close()
    with pytest.raises(PowerError, match="was closed"):
        board.board.power_on()


def test_variable_of_the_environment(tmp_path, monkeypatch, operator, shared_lab):
    """LAVA_SIMULATED_FAULTS overrides the device file."""
    monkeypatch.setenv("LAVA_SIMULATED_FAULTS", "mine01:no_autoboot=yes,countdown=9")
    with SimulatedLab(tmp_path, confinement=shared_lab.confinement) as lab:
        board = operator(lab=lab, name="mine01", no_autoboot=False)
        board.board.power_on()
        board.expect("Panda # ")
        assert "Hit any key" not in board.before


def test_an_existing_file_in_the_way(tmp_path):
    """An error that is not a refusal does not lead to a weaker confinement."""
    (tmp_path / "namespaces").write_text("in the way")
    with pytest.raises(InfrastructureError, match=r"failed.* namespaces: .*File exists"):
        SimulatedLab(tmp_path, unconfined=True)
