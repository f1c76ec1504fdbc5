"""Which switch a device file describes."""

from __future__ import annotations

import pytest

from lava_dispatcher_multinode.boards.power.switch import RetryingSwitch, configured_switch
from lava_dispatcher_multinode.errors import PowerError
from lava_dispatcher_multinode.lab.device_model import Device
from lava_dispatcher_multinode.lab.device_sections import PduDaemon, Power


@pytest.mark.parametrize(
    ("power", "switched"),
    [
        (Power(), False),
        (Power(cycle="true"), True),
        (Power(on="true", off="true"), True),
        (Power(on="true"), False),
        (Power(pdudaemon=PduDaemon(alias="b1")), True),
    ],
)
def test_a_switch_needs_a_cycle(power, switched):
    """Only what can start the board from nothing counts as a switch."""
    assert (configured_switch(Device("b1", "panda", power=power)) is not None) is switched


class Flaky:
    """Fails as often as it is told to."""

    worth_checking = True

    def __init__(self, failures):
        self.failures = failures

    def off(self):
        """Fail, or not."""
        self.failures -= 1
        if self.failures >= 0:
            raise PowerError("no answer")

    cycle = on = off


@pytest.mark.parametrize("call", ["on", "off", "cycle"])
def test_a_switch_is_tried_again(call):
    """As often as the device file says, and no more; the error says how often."""
    getattr(RetryingSwitch(Flaky(2), 3, 0), call)()
    with pytest.raises(PowerError, match=r"^no answer \(3 tries\)$"):
        getattr(RetryingSwitch(Flaky(3), 3, 0), call)()
    with pytest.raises(PowerError, match=r"^no answer$"):
        getattr(RetryingSwitch(Flaky(1), 1, 0), call)()
