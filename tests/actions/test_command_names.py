"""The commands of this package's own actions."""

from lava_dispatcher_multinode import plugins
from lava_dispatcher_multinode.actions import command_names


def test_each_name_is_a_registered_command():
    """A command that is renamed in setup.cfg alone is found here."""
    names = {value for name, value in vars(command_names).items() if name.isupper()}
    assert names
    assert names <= set(plugins.entries(plugins.ACTIONS))
