"""The keys that a deploy method needs."""

from __future__ import annotations

import pytest

from lava_dispatcher_multinode.boards.deploy.support import unsupported_reason
from lava_dispatcher_multinode.lab.deploy_sections import Deploy, Tftp
from lava_dispatcher_multinode.lab.device_model import Device
from lava_dispatcher_multinode.lab.device_sections import ConsoleConnection

IMAGE, KERNEL = "image", "kernel"


@pytest.mark.parametrize(
    ("kind", "deploy", "lacks"),
    [
        (IMAGE, Deploy(), "no deploy.method is configured"),
        (IMAGE, Deploy("tftp"), "deploy.method is 'tftp', which cannot deploy an image"),
        (KERNEL, Deploy("media"), "deploy.method is 'media', which cannot deploy kernels"),
        (IMAGE, Deploy("media"), "b1: deploy.path is missing"),
        (IMAGE, Deploy("master"), "b1: dispatcher_ip is missing"),
        (KERNEL, Deploy("tftp"), "b1: deploy.tftp.host or dispatcher_ip is missing"),
        (KERNEL, Deploy("tftp", tftp=Tftp(host="h")), "b1: deploy.tftp.kernel is missing"),
    ],
)
def test_missing_keys_are_named(kind, deploy, lacks):
    """The error names the key, before power-on."""
    assert lacks in str(unsupported_reason(Device("b1", "panda", deploy=deploy), kind))


@pytest.mark.parametrize(
    ("kind", "device"),
    [
        (IMAGE, Device("b1", "panda", deploy=Deploy("none"))),
        (KERNEL, Device("b1", "panda", deploy=Deploy("none"))),
        (IMAGE, Device("b1", "panda", deploy=Deploy("media", path="/dev/sdx"))),
        (
            IMAGE,
            Device(
                "b1", "panda", connection=ConsoleConnection(simulated=True), deploy=Deploy("media")
            ),
        ),
        (IMAGE, Device("b1", "panda", deploy=Deploy("master"), dispatcher_ip="10.0.0.1")),
        (
            KERNEL,
            Device("b1", "panda", deploy=Deploy("tftp", tftp=Tftp(host="h", kernel="0x1"))),
        ),
    ],
)
def test_complete_devices_are_supported(kind, device):
    """A virtual board has its own card; other boards need deploy.path."""
    assert unsupported_reason(device, kind) is None
