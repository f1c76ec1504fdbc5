"""The interfaces of boards, and the classes that implement them."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint

import pytest

from lava_dispatcher_multinode import plugins
from lava_dispatcher_multinode.boards.bootloaders.u_boot import UBootLoader
from lava_dispatcher_multinode.boards.driver import load_boot_loader
from lava_dispatcher_multinode.boards.standard_board import StandardBoard, load_driver
from lava_dispatcher_multinode.errors import InvalidJob


@pytest.fixture
def install(monkeypatch, tmp_path):
    """Return a function that adds the class `Plugin` of some source as an entry point."""

    def install(group, source):
        (tmp_path / "own_plugin.py").write_text(source)
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.delitem(sys.modules, "own_plugin", raising=False)
        entry = EntryPoint("own", "own_plugin:Plugin", group)
        entries = plugins.entries
        monkeypatch.setattr(
            plugins, "entries", lambda g: {**entries(g), **({"own": entry} if g == group else {})}
        )

    return install


def test_this_package_s_classes_have_all_members():
    """Its own drivers and boot loaders pass the check that plug-ins have to pass."""
    assert load_boot_loader("u-boot") is UBootLoader
    assert load_driver("panda") is load_driver("beaglexm") is StandardBoard


def test_a_type_without_a_driver_of_its_own_has_the_standard_one():
    """A device type that is only a YAML file."""
    assert load_driver("rock5") is StandardBoard


def test_a_driver_without_a_member_is_refused(install):
    """The error names the missing members, before a board is touched."""
    install(plugins.DEVICE_TYPES, "class Plugin:\n    def boot(self, deadline): ...\n")
    with pytest.raises(InvalidJob, match="'own' of .* lacks 'deploy', .*'power_off'"):
        load_driver("own")


def test_a_boot_loader_of_a_plug_in_may_extend_another(install):
    """A dialogue of its own is one class."""
    source = "from lava_dispatcher_multinode.boards.bootloaders.u_boot import UBootLoader\n"
    install(plugins.BOOT_LOADERS, source + "class Plugin(UBootLoader): name = 'own'\n")
    assert load_boot_loader("own").name == "own"


def test_a_boot_loader_without_a_name_is_refused(install):
    """A missing class attribute counts, too."""
    members = "check_command = network_commands = interrupt = run = start = print"
    install(
        plugins.BOOT_LOADERS, f"class Plugin:\n    reset_command = banners = 'x'\n    {members}\n"
    )
    with pytest.raises(InvalidJob, match="lacks 'name'"):
        load_boot_loader("own")
