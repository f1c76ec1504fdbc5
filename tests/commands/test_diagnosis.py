"""The doctor's checks, on real ports, programs and directories."""

import os
import pty

import pytest
import yaml

from lava_dispatcher_multinode.commands.diagnosis import check_board, check_host, check_lava
from lava_dispatcher_multinode.lab.deploy_sections import Deploy
from lava_dispatcher_multinode.lab.device_files import Lab, load_lab
from lava_dispatcher_multinode.lab.device_model import Device
from lava_dispatcher_multinode.lab.device_sections import ConsoleConnection, Power, QemuMachine

DICTIONARY = {"actions": {"deploy": {}, "boot": {}}}
TELNET = "no-such-telnet host 7001"
PDU = "no-such-pdu --port 1"


def wrong(findings):
    """Return the failed checks as text."""
    return " ".join(f"{f.about}: {f.text} -> {f.todo}" for f in findings if f.wrong)


def board(**fields):
    """Return a board."""
    return Device("left", "panda", **fields)


def test_ports(tmp_path):
    """A port may be missing, a plain file, open in another program, or free."""
    assert "No such file" in wrong(
        check_board(board(connection=ConsoleConnection(serial="/dev/ttyNONE")))
    )
    file = tmp_path / "file"
    file.touch()
    found = wrong(check_board(board(connection=ConsoleConnection(serial=str(file)))))
    assert "is not a serial device" in found
    master, slave = pty.openpty()
    port = board(connection=ConsoleConnection(serial=os.ttyname(slave)))
    try:
        assert wrong(check_board(port)) == ""
        process = tmp_path / "proc" / "4711"
        (process / "fd").mkdir(parents=True)
        (process / "fd" / "3").symlink_to(os.ttyname(slave))
        assert "(4711) has it open" in wrong(check_board(port, tmp_path / "proc"))
    finally:
        os.close(master)
        os.close(slave)


def test_boards_with_the_same_port(tmp_path):
    """A copied device file is found, also if the port has another name."""
    (tmp_path / "by-id").symlink_to("/dev/null")
    ports = ("/dev/null", str(tmp_path / "by-id"), "/dev/zero")
    boards = [
        Device(f"b{n}", "panda", connection=ConsoleConnection(serial=port))
        for n, port in enumerate(ports)
    ]
    found = [f for f in check_host(Lab(tuple(boards))) if "connection.serial" in f.text]
    assert [(f.about, f.text, f.wrong) for f in found] == [
        ("b0 and b1", "same connection.serial: /dev/null", True)
    ]


def test_modem_manager(tmp_path):
    """ModemManager writes to USB adapters; the correction disables that."""
    process = tmp_path / "proc" / "12"
    (process / "fd").mkdir(parents=True)
    (process / "comm").write_text("ModemManager\n")
    (tmp_path / "dev").mkdir()
    port = tmp_path / "dev" / "ttyUSB0"
    os.mknod(port, 0o600 | 0o020000, os.makedev(1, 3))
    found = wrong(
        check_board(board(connection=ConsoleConnection(serial=str(port))), tmp_path / "proc")
    )
    assert "ID_MM_DEVICE_IGNORE" in found


def test_programs():
    """Only plain program names are checked, not builtins and variables."""
    power = Power(on="no-such-switch on 3", off="X=1 exec echo off", cycle="$SWITCH cycle")
    found = wrong(check_board(board(connection=ConsoleConnection(command="cat"), power=power)))
    assert "power.on: program not found: no-such-switch" in found
    assert "power.off" not in found
    assert "power.cycle" not in found


def test_cards(tmp_path):
    """An SD card reader that does not exist."""
    deploy = Deploy(method="media", path=str(tmp_path / "card"))
    found = wrong(check_board(board(connection=ConsoleConnection(command="cat"), deploy=deploy)))
    assert "deploy.path" in found
    assert "does not exist" in found


def test_host(tmp_path, monkeypatch):
    """Locks, confinement and QEMU; a missing QEMU fails only if a board needs it."""
    monkeypatch.setenv("LAVA_LOCK_DIR", str(tmp_path / "locks"))
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr("lava_dispatcher_multinode.commands.diagnosis._program", lambda name: None)
    empty = [*check_host(Lab(()))]
    assert {"locks", "simulated boards", "device files"} <= {f.about for f in empty}
    assert "emulated boards" not in wrong(empty)
    emulated = board(connection=ConsoleConnection(qemu=QemuMachine()))
    assert "apt-get install qemu-system-arm" in wrong(check_host(Lab((emulated,))))
    (tmp_path / "file").touch()
    monkeypatch.setenv("LAVA_LOCK_DIR", str(tmp_path / "file"))
    assert "locks: boards cannot be locked" in wrong(check_host(Lab(())))


@pytest.fixture
def found(tmp_path, monkeypatch):
    """A function that returns the checks of boards with this dictionary."""
    monkeypatch.setenv("LAVA_DISPATCHER_PATH", str(tmp_path / "none"))
    devices = tmp_path / "devices"
    devices.mkdir()

    def look(dictionary):
        (devices / "a.dict").write_text(yaml.safe_dump(dictionary))
        for name in ("a", "b"):
            device = {"device_type": "x", "host": "lava", "lava": {"device": "a.dict"}}
            (devices / f"{name}.yaml").write_text(yaml.safe_dump(device))
        (devices / "own.yaml").write_text("device_type: panda\nconnection: {command: cat}\n")
        return [*check_lava(load_lab(tmp_path).devices)]

    return look


def test_a_missing_dispatcher_is_one_failure(found):
    """It does not depend on the number of boards."""
    (finding,) = found(DICTIONARY)
    assert "there is no lava-run" in finding.text
    assert "LAVA_DISPATCHER_PATH" in finding.todo


def test_programs_of_a_dictionary(found):
    """A missing program is reported once, with its keys; an invalid dictionary is an error."""
    commands = {"connect": TELNET, "power_on": PDU, "power_off": [PDU, "true"], "users": {}}
    texts = [finding.text for finding in found(DICTIONARY | {"commands": commands})[1:3]]
    assert texts == [
        "program not found: no-such-telnet (connect)",
        "program not found: no-such-pdu (power_on, power_off)",
    ]
    assert "not a device dictionary" in found({})[1].text


@pytest.mark.parametrize(("user", "failed"), [(0, False), (1000, True)])
def test_a_dispatcher_that_wants_root(found, tmp_path, monkeypatch, user, failed):
    """LAVA 2023.01 is installed, but fails for other users."""
    clone = tmp_path / "none"
    (clone / "lava/dispatcher").mkdir(parents=True)
    (clone / "lava/dispatcher/lava-run").write_text("")
    for name in ("parser", "worker", "protocols.multinode"):
        path = clone / "lava_dispatcher" / f"{name.replace('.', '/')}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text("")
    (clone / "lava_common").mkdir()
    (clone / "lava_common/version.py").write_text("__version__ = '2023.01'")
    monkeypatch.setattr(os, "geteuid", lambda: user)
    finding = found(DICTIONARY)[0]
    assert "LAVA's dispatcher 2023.01" in finding.text
    assert finding.wrong is failed
