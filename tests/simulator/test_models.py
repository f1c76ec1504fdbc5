"""The two boards' texts."""

from lava_dispatcher_multinode.lab.device_model import SIMULATED_TYPES
from lava_dispatcher_multinode.simulator import faults
from lava_dispatcher_multinode.simulator.models import LAST_LINES, MODELS


def test_every_model_is_whole():
    """The lab offers what there are models of, each with all of its texts."""
    assert set(SIMULATED_TYPES) == set(MODELS) == set(LAST_LINES)
    for model in MODELS.values():
        assert model.prompt.endswith("# ")
        assert "bootcmd" in model.environment


def test_prompts_of_2013():
    """The prompts contain what the configuration of 2013 waits for."""
    assert MODELS["panda"].prompt.startswith("Panda")
    assert MODELS["beaglexm"].prompt.startswith("OMAP3 beagleboard.org")


def test_points_are_known():
    """The points at which faults happen are those that boards reach."""
    assert faults.POINTS == ("uboot", "kernel", "login", "shell")
