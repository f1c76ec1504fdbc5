"""Virtual devices of a job."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lava_dispatcher_multinode.errors import InvalidJob
from lava_dispatcher_multinode.job.model import Job, Position, Role
from lava_dispatcher_multinode.lab.allocation import assign, requirements
from lava_dispatcher_multinode.lab.virtual import (
    EMULATED,
    SIMULATED,
    describe_stand_ins,
    make_devices,
    virtual_types,
)


def job(*roles):
    """Return a job of these roles."""
    return Job("j", 60, roles, ())


def test_the_seed_gets_two_pandas_and_a_beaglexm():
    """Names, types and tags are those of the job; the defaults of the type are present."""
    seed = job(
        Role("omap4", 2, "panda", tags=frozenset({"mytag1"})),
        Role("omap3", 1, "beaglexm", tags=frozenset({"mytag2"})),
    )
    devices = make_devices(seed, SIMULATED)
    assert [device.name for device in devices] == ["panda01", "panda02", "beaglexm01"]
    assert [sorted(device.tags) for device in devices] == [["mytag1"], ["mytag1"], ["mytag2"]]
    for device in devices:
        assert device.connection.simulated
        assert device.power.simulated
        assert (device.deploy.method, device.deploy.layout) == ("media", "master")
        assert device.boot.commands[-1] == "boot"


@given(
    st.lists(
        st.tuples(
            st.integers(1, 4), st.sampled_from(["panda", "beaglexm"]), st.frozensets(st.just("t"))
        ),
        max_size=4,
    )
)
def test_every_job_gets_the_boards_that_it_needs(wanted):
    """For any group, the virtual devices are enough, and each is used once."""
    roles = [Role(f"r{i}", n, kind, tags=tags) for i, (n, kind, tags) in enumerate(wanted)]
    group = job(*roles)
    devices = make_devices(group, SIMULATED)
    found = assign(requirements(group), devices)
    assert len({device.name for device in devices}) == len(devices) == len(found)


def test_named_devices_keep_their_names():
    """No generated name equals that of a named device, also of a later role."""
    devices = make_devices(job(Role("a", 2, "panda"), Role("b", 1, device="panda01")), SIMULATED)
    assert [device.name for device in devices] == ["panda02", "panda03", "panda01"]
    assert devices[2].device_type == "panda"  # the name says so


def test_a_name_without_a_known_type_is_an_error_with_its_place():
    """The type is not guessed."""
    role = Role("a", device="thing7", position=Position("job.json", 4, 9))
    with pytest.raises(InvalidJob, match=r"job.json:4:9: the type of device 'thing7'"):
        make_devices(job(role), SIMULATED)


def test_types_without_firmware_get_a_stand_in_and_a_warning():
    """Any job can be simulated; what takes the place of its boards is named at the role."""
    roles = [
        Role("a", 2, "rock5", position=Position("job.json", 4, 9)),
        Role("b", 1, "panda", position=Position("job.json", 5, 9)),
    ]
    first, second, panda = make_devices(job(*roles), SIMULATED)
    assert (first.name, second.name, panda.name) == ("rock5-01", "rock5-02", "panda01")
    assert first.simulated_firmware.machine == "Stand-in board"
    assert first.boot.commands[-1] == "boot"
    (note,) = describe_stand_ins(job(*roles))
    assert str(note) == (
        "job.json:4:9: warning: no simulated firmware is known for the device type 'rock5' "
        "(a stand-in boots in its place)"
    )


def test_types_of_the_user_are_known_without_config_dir(config, monkeypatch):
    """They have their own prompts; the type of a named board is that of its device file."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(config.path))
    config.write(
        "lava-dispatcher/device-types/rock5.yaml",
        "aliases: [rock-5]\nboot: {prompts: ['rock> ']}\ntags: [x]\n",
    )
    config.write("lava-dispatcher/devices/desk1.yaml", "device_type: rock5\n")
    assert virtual_types()["rock-5"] == "rock5"
    made = make_devices(job(Role("a", 1, "rock5"), Role("b", device="desk1")), SIMULATED)
    assert [device.name for device in made] == ["rock5-01", "desk1"]
    assert {device.simulated_firmware.prompt for device in made} == {"rock> "}
    assert {device.device_type for device in made} == {"rock5"}


def test_files_of_a_config_dir_are_layers_of_simulated_boards(config):
    """They can inject faults; the board stays simulated, with the tags of the job."""
    config.write(
        "devices/panda01.yaml",
        "device_type: panda\nconnection: {serial: /dev/ttyUSB0}\ntags: [x]\n"
        "simulated: {panic: login}\ndeploy: {method: none, path: /dev/sda}\n",
    )
    config.write("devices/thing7.yaml", "device_type: beaglexm\n")
    devices = make_devices(
        job(Role("a", 1, "panda"), Role("b", device="thing7")), SIMULATED, config.path
    )
    assert devices[0].simulated == {"panic": "login"}
    assert devices[0].connection.simulated
    assert devices[0].connection.serial is None
    assert devices[0].deploy.path is None
    assert devices[0].tags == frozenset()
    assert devices[1].device_type == "beaglexm"


def test_the_hosts_own_lab_makes_no_difference(config, monkeypatch):
    """A simulated run is the same on every host."""
    config.write("lava-dispatcher/device-types/panda.yaml", "boot: {commands: [nonsense]}\n")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(config.path))
    (device,) = make_devices(job(Role("a", 1, "panda")), SIMULATED)
    assert "nonsense" not in device.boot.commands


def test_emulated_boards_get_the_layer_of_their_machine(config):
    """The machine's layer overrides the type's, and a device file overrides both."""
    config.write("device-types/beaglexm.yaml", "connection: {qemu: {machine: orangepi-pc}}\n")
    config.write("devices/panda01.yaml", "device_type: panda\nboot: {commands: [mine]}\n")
    group = job(Role("a", 2, "panda"), Role("b", 1, "beaglexm"))
    first, second, third = make_devices(group, EMULATED, config.path)
    assert first.connection.qemu.machine == "virt"
    assert first.boot.commands == ("mine",)
    assert "virtio" in second.boot.commands[0]
    assert second.dispatcher_ip == "10.0.2.2"
    assert third.connection.qemu.machine == "orangepi-pc"
    assert "bootz" in third.boot.commands[2]


def test_an_emulated_board_is_reached_as_nothing_else(config):
    """The file of a real board leads an emulated run neither to its console nor to its switch."""
    config.write(
        "devices/panda01.yaml",
        "device_type: panda\nconnection: {serial: /dev/ttyUSB0}\n"
        "power: {on: a, off: b}\ndeploy: {method: none, path: /dev/sda, to_host: c}\n",
    )
    (device,) = make_devices(job(Role("a", 1, "panda")), EMULATED, config.path)
    assert device.connection.serial is None
    assert device.power.on is None
    assert device.deploy.path is None
    assert device.deploy.to_host is None


def test_a_config_dir_that_does_not_exist_is_an_error(tmp_path):
    """A typo in it is an error, not a lab without faults."""
    with pytest.raises(InvalidJob, match="no such directory"):
        make_devices(job(Role("a", 1, "panda")), SIMULATED, tmp_path / "nowhere")
