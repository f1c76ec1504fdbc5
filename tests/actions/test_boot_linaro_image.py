"""`boot_linaro_image`: the boot is remembered."""

from __future__ import annotations

from lava_dispatcher_multinode.actions.boot_linaro_image import BootLinaroImage


def test_boot_boots_once(make_node):
    """A lava_test_shell after it does not boot again."""
    node = make_node()
    BootLinaroImage().run(node, {})
    assert node.board.asked == [("boot",)]
    assert node.booted
