"""A board in manual use."""

import pytest

from lava_dispatcher_multinode.commands.manual_lock import BoardHeld, find_device, locked
from lava_dispatcher_multinode.errors import InvalidJob


@pytest.fixture
def lab(tmp_path, monkeypatch):
    """A lab with a valid and an invalid device file."""
    monkeypatch.setenv("LAVA_LOCK_DIR", str(tmp_path / "locks"))
    (tmp_path / "devices").mkdir()
    good = "device_type: panda\nconnection: {command: cat}\n"
    (tmp_path / "devices" / "left.yaml").write_text(good)
    (tmp_path / "devices" / "wrong.yaml").write_text("device_type: panda\n")
    return tmp_path


def test_boards_by_name(lab):
    """An unknown name gets a suggestion; an invalid file gives its error."""
    assert find_device("left", lab).name == "left"
    with pytest.raises(InvalidJob, match="no device file.*left"):
        find_device("lef", lab)
    with pytest.raises(InvalidJob, match="it has no connection"):
        find_device("wrong", lab)


def test_a_board_has_one_owner(lab):
    """The second holder gets the name and purpose of the first."""
    device = find_device("left", lab)
    with locked(device, "first"), pytest.raises(BoardHeld, match="left is held by .*'first'"):  # noqa: SIM117
        with locked(device, "second"):
            pass
    with locked(device, "again"):
        pass


def test_a_board_under_lava(lab):
    """Console and power switch come from the dictionary unless the device file has them."""
    (lab / "devices" / "dut.dict").write_text(
        "actions: {}\n"
        "commands:\n"
        "  connections:\n"
        "    uart1: {connect: telnet h 2}\n"
        "    uart0: {connect: telnet h 1, tags: [primary]}\n"
        "  power_on: [mux on, 'pdu --port 1 on; true']\n"
        "  power_off: pdu off\n"
    )
    file = lab / "devices" / "dut.yaml"
    file.write_text("device_type: x\nhost: lava\nlava: {device: dut.dict}\n")
    dut = find_device("dut", lab)
    assert dut.connection.command == "telnet h 1"
    assert (dut.power.on, dut.power.off) == ("mux on && pdu --port 1 'on;' true", "pdu off")
    assert dut.power.cycle is None
    file.write_text(file.read_text() + "power: {cycle: reset}\n")
    assert (find_device("dut", lab).power.on, find_device("dut", lab).power.cycle) == (
        None,
        "reset",
    )
