"""The power switch of a device file, and retries."""

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
    """Only a switch that can power-cycle the board counts."""
    assert (configured_switch(Device("b1", "panda", power=power)) is not None) is switched


class Flaky:
    """Fails a given number of times."""

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
    """The retries are those of the device file; the error has their number."""
    getattr(RetryingSwitch(Flaky(2), 3, 0), call)()
    with pytest.raises(PowerError, match=r"^no answer \(3 attempts\)$"):
        getattr(RetryingSwitch(Flaky(3), 3, 0), call)()
    with pytest.raises(PowerError, match=r"^no answer$"):
        getattr(RetryingSwitch(Flaky(1), 1, 0), call)()
