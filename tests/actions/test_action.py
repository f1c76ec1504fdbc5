"""What other packages may ask an action, of this package or of a plug-in."""

from typing import ClassVar

import pytest

from lava_dispatcher_multinode import plugins
from lava_dispatcher_multinode.actions import action as action_module
from lava_dispatcher_multinode.actions.action import CheckContext, calls_of, load_action
from lava_dispatcher_multinode.job.model import ActionSpec, Calls
from lava_dispatcher_multinode.lab.device_model import Device


class OldPlugin:
    """An action with the two members that every version of the interface has required."""

    parameters_schema: ClassVar = {"type": "object"}
    ran = None

    def run(self, node, parameters):
        """Keep the node."""
        self.ran = node, parameters


class NewPlugin(OldPlugin):
    """An action that overrides some defaults."""

    boots = True
    calls = Calls.NONE

    def skip(self, node):
        """Keep the node."""
        self.ran = node


@pytest.fixture
def plugin(monkeypatch):
    """A function that installs an instance as the only action, and loads it."""

    def install(action):
        monkeypatch.setattr(plugins, "action", lambda name: action)
        return load_action("x")

    return install


def test_an_old_plugin_gets_defaults(plugin):
    """It may deploy and make any call; nothing else is known of it."""
    own = OldPlugin()
    action = plugin(own)
    spec = ActionSpec("x")
    assert action.parameters_schema == {"type": "object"}
    assert (action.boots, action.deploys, action.calls) == (False, True, Calls.ANY)
    assert list(action.check(spec, CheckContext(None, None, run_here=True))) == []
    assert list(action.check_own_board(spec)) == []
    assert action.unsupported_reason(Device("b1", "panda"), {}) is None
    action.skip("node")
    assert own.ran is None
    action.run("node", {"a": 1})
    assert own.ran == ("node", {"a": 1})


def test_an_action_that_lava_lacks_is_left_out_with_a_remark(plugin):
    """The reader of the exported job learns what is missing."""
    remarks = []
    writer = type("Writer", (), {"remark": lambda self, text: remarks.append(text)})()
    plugin(OldPlugin()).export(ActionSpec("press"), writer)
    assert remarks == ["press: left out; LAVA has no such action"]


def test_what_a_plugin_defines_counts(plugin):
    """Facts and methods alike."""
    own = NewPlugin()
    action = plugin(own)
    assert (action.boots, action.deploys, action.calls) == (True, True, Calls.NONE)
    action.skip("node")
    assert own.ran == "node"


def test_facts_of_this_packages_actions():
    """What virtual boards and the message-flow check rely on."""
    known = {name: load_action(name) for name in plugins.entries(plugins.ACTIONS)}
    assert {name for name, action in known.items() if action.boots} == {
        "boot_linaro_image",
        "lava_test_shell",
    }
    assert {name for name, action in known.items() if action.deploys} == {
        "deploy_linaro_image",
        "deploy_linaro_kernel",
    }
    assert [name for name, action in known.items() if action.calls is Calls.TESTS] == [
        "lava_test_shell"
    ]
    assert [name for name, action in known.items() if action.calls is Calls.OWN] == ["multinode"]
    assert not any(action.calls is Calls.ANY for action in known.values())


def test_a_block_that_only_lava_has_may_make_any_call():
    """Its command is no action of this package."""
    assert calls_of(ActionSpec("deploy to fastboot", refused="only LAVA supports it")) is Calls.ANY


def test_each_command_name_is_registered():
    """A command that is renamed in setup.cfg alone is found here."""
    found = {value for name, value in vars(action_module).items() if name.isupper()}
    names = {value for value in found if isinstance(value, str)}
    assert "multinode" in names
    assert names <= set(plugins.entries(plugins.ACTIONS))
