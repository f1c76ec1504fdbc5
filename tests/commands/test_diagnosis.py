"""What the doctor finds, on real ports, programs and directories."""

import os
import pty

from lava_dispatcher_multinode.commands.diagnosis import of_board, of_host
from lava_dispatcher_multinode.lab.device_files import Lab
from lava_dispatcher_multinode.lab.device_model import (
    Connection,
    Deploy,
    Device,
    Power,
    QemuMachine,
)


def wrong(findings):
    """Return what is wrong, as text."""
    return " ".join(f"{f.about}: {f.text} -> {f.todo}" for f in findings if f.wrong)


def board(**fields):
    """Return a board."""
    return Device("left", "panda", **fields)


def test_ports(tmp_path):
    """Missing, no device at all, open elsewhere, and free."""
    assert "No such file" in wrong(of_board(board(connection=Connection(serial="/dev/ttyNONE"))))
    file = tmp_path / "file"
    file.touch()
    found = wrong(of_board(board(connection=Connection(serial=str(file)))))
    assert "is no serial device" in found
    master, slave = pty.openpty()
    port = board(connection=Connection(serial=os.ttyname(slave)))
    try:
        assert wrong(of_board(port)) == ""
        process = tmp_path / "proc" / "4711"
        (process / "fd").mkdir(parents=True)
        (process / "fd" / "3").symlink_to(os.ttyname(slave))
        assert "(4711) has it open" in wrong(of_board(port, tmp_path / "proc"))
    finally:
        os.close(master)
        os.close(slave)


def test_boards_that_share_what_only_one_can_have(tmp_path):
    """A device file that was copied and not changed is found, also by another name of the port."""
    (tmp_path / "by-id").symlink_to("/dev/null")
    ports = ("/dev/null", str(tmp_path / "by-id"), "/dev/zero")
    boards = [
        Device(f"b{n}", "panda", connection=Connection(serial=port))
        for n, port in enumerate(ports)
    ]
    found = [f for f in of_host(Lab(tuple(boards))) if "connection.serial" in f.text]
    assert [(f.about, f.text, f.wrong) for f in found] == [
        ("b0 and b1", "have the same connection.serial, /dev/null", True)
    ]


def test_modem_manager(tmp_path):
    """It talks to USB adapters by itself; how to stop it is said."""
    process = tmp_path / "proc" / "12"
    (process / "fd").mkdir(parents=True)
    (process / "comm").write_text("ModemManager\n")
    (tmp_path / "dev").mkdir()
    port = tmp_path / "dev" / "ttyUSB0"
    os.mknod(port, 0o600 | 0o020000, os.makedev(1, 3))
    found = wrong(of_board(board(connection=Connection(serial=str(port))), tmp_path / "proc"))
    assert "ID_MM_DEVICE_IGNORE" in found


def test_programs():
    """Of commands whose first word can be known; a shell's own and variables are left alone."""
    power = Power(on="no-such-switch on 3", off="X=1 exec echo off", cycle="$SWITCH cycle")
    found = wrong(of_board(board(connection=Connection(command="cat"), power=power)))
    assert "power.on: there is no program 'no-such-switch'" in found
    assert "power.off" not in found
    assert "power.cycle" not in found


def test_cards(tmp_path):
    """A card that nobody can write to."""
    deploy = Deploy(method="media", path=str(tmp_path / "card"))
    found = wrong(of_board(board(connection=Connection(command="cat"), deploy=deploy)))
    assert "deploy.path" in found
    assert "does not exist" in found


def test_host(tmp_path, monkeypatch):
    """Locks, confinement and QEMU; what nobody has configured is not wrong."""
    monkeypatch.setenv("LAVA_LOCK_DIR", str(tmp_path / "locks"))
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr("lava_dispatcher_multinode.commands.diagnosis._program", lambda name: None)
    empty = [*of_host(Lab(()))]
    assert {"locks", "simulated boards", "device files"} <= {f.about for f in empty}
    assert "emulated boards" not in wrong(empty)
    emulated = board(connection=Connection(qemu=QemuMachine()))
    assert "apt-get install qemu-system-arm" in wrong(of_host(Lab((emulated,))))
    (tmp_path / "file").touch()
    monkeypatch.setenv("LAVA_LOCK_DIR", str(tmp_path / "file"))
    assert "locks: boards cannot be locked" in wrong(of_host(Lab(())))
