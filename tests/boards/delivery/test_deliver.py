"""Delivery by each method on a real shell, and the reasons of failed methods."""

from __future__ import annotations

import pytest

from lava_dispatcher_multinode.boards.delivery.deliver import deliver
from lava_dispatcher_multinode.boards.shell_files import ShellUploader
from lava_dispatcher_multinode.errors import DeployError
from lava_dispatcher_multinode.lab.device_model import Device
from lava_dispatcher_multinode.lab.device_sections import Network
from lava_dispatcher_multinode.serve.servers import Servers

from .conftest import arrived


def _deliver(shell, bundle, *methods, in_image=False, host="127.0.0.1"):
    steps: list[str] = []
    device = Device(
        "b1", "panda", overlay=methods, dispatcher_ip=host, network=Network("lo", ("true",))
    )
    with Servers() as servers:
        deliver(ShellUploader(shell), bundle, device, servers, steps.append, in_image=in_image)
    return steps


def test_an_overlay_in_the_image_is_not_delivered_again(board, bundle):
    """The checksum file on the board decides; without it, the next method follows."""
    shell = board("tar", "gzip")
    steps = _deliver(shell, bundle, "image", "console", in_image=True)
    assert "by image failed: the booted file system" in steps[0]
    arrived(bundle)
    assert _deliver(shell, bundle, "image", "console", in_image=True) == [
        "the overlay is on the board already: the image contains it"
    ]


def test_a_failed_method_is_followed_by_the_next(board, bundle):
    """Without wget and curl the overlay is typed; without dispatcher_ip HTTP is skipped."""
    shell = board("tar", "gzip")
    steps = _deliver(shell, bundle, "http", "console")
    assert "by http failed: the board has neither wget nor curl" in steps[1]
    arrived(bundle)
    assert len(_deliver(shell, bundle, "http", "console", host=None)) == 1


def test_the_error_has_the_reason_of_each_method(board, bundle):
    """Device and methods are named."""
    with pytest.raises(DeployError, match=r"b1: .* image: the booted .*; http: the board has"):
        _deliver(board("tar", "gzip"), bundle, "image", "http", in_image=True)
    with pytest.raises(DeployError, match="no method of its overlay key"):
        _deliver(None, bundle, "image")
