"""Which switch a device file describes."""

from __future__ import annotations

import pytest

from lava_dispatcher_multinode.boards.power.switch import configured_switch
from lava_dispatcher_multinode.lab.device import Device, Power


@pytest.mark.parametrize(
    ("power", "switched"),
    [
        (Power(), False),
        (Power(cycle="true"), True),
        (Power(on="true", off="true"), True),
        (Power(on="true"), False),
    ],
)
def test_a_switch_needs_a_cycle(power, switched):
    """Only what can start the board from nothing counts as a switch."""
    assert (configured_switch(Device("b1", "panda", power=power)) is not None) is switched
