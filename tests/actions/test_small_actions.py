"""The actions that are a few lines: boot, submit."""

from __future__ import annotations

from lava_dispatcher_multinode.actions.boot_linaro_image import BootLinaroImage
from lava_dispatcher_multinode.actions.submit_results import SubmitResults


def test_boot_boots_once(make_node):
    """A lava_test_shell after it does not boot again."""
    node = make_node()
    BootLinaroImage().run(node, {})
    assert node.board.asked == [("boot",)]
    assert node.booted


def test_submitting_says_that_nothing_is_sent(make_node, events):
    """An old job's server address, which may hold a password, is not in the log."""
    SubmitResults().run(make_node(), {"server": "http://me:secret@old/RPC2", "stream": "/x/"})
    ((event, fields),) = events
    assert (event, fields["level"]) == ("log", "WARNING")
    assert "nothing is sent" in fields["text"]
    assert "secret" not in str(fields)
