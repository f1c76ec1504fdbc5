"""The texts of the models."""

from lava_dispatcher_multinode.lab.device_model import SIMULATED_TYPES
from lava_dispatcher_multinode.simulator import faults
from lava_dispatcher_multinode.simulator.models import LAST_LINES, MODELS


def test_every_model_is_whole():
    """The lab offers exactly the models, and each is complete."""
    assert set(SIMULATED_TYPES) == set(MODELS) == set(LAST_LINES)
    for model in MODELS.values():
        assert model.prompt.endswith("# ")
        assert "bootcmd" in model.environment


def test_prompts_of_2013():
    """The prompts match the configuration of 2013."""
    assert MODELS["panda"].prompt.startswith("Panda")
    assert MODELS["beaglexm"].prompt.startswith("OMAP3 beagleboard.org")


def test_points():
    """The points of faults are those that boards reach."""
    assert faults.POINTS == ("uboot", "kernel", "login", "shell")
