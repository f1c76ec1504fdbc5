"""The firmware of simulated boards."""

import pytest

from lava_dispatcher_multinode.lab.simulated_firmware import SimulatedFirmware

from ..firmware import FIRMWARE


def test_prompts_of_2013():
    """The prompts contain what the configuration of 2013 waits for."""
    assert FIRMWARE["panda"].prompt.startswith("Panda # ")
    assert FIRMWARE["beaglexm"].prompt.startswith("OMAP3 beagleboard.org # ")


@pytest.mark.parametrize("firmware", [SimulatedFirmware(), *FIRMWARE.values()])
def test_the_banner_has_a_version(firmware):
    """The command `version` prints that line; the schema requires it."""
    assert any(line.startswith("U-Boot ") for line in firmware.banner.splitlines())
