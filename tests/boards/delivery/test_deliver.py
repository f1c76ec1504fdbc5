"""The overlay by each way that works, on a real shell, and what is told of those that do not."""

from __future__ import annotations

import pytest

from lava_dispatcher_multinode.boards.delivery.deliver import deliver
from lava_dispatcher_multinode.errors import DeployError
from lava_dispatcher_multinode.lab.device_model import Device, Network
from lava_dispatcher_multinode.serve.servers import Servers

from .conftest import arrived


def _deliver(shell, parcel, *ways, put_in=False, host="127.0.0.1"):
    steps: list[str] = []
    device = Device(
        "b1", "panda", overlay=ways, dispatcher_ip=host, network=Network("lo", ("true",))
    )
    with Servers() as servers:
        deliver(shell, parcel, device, servers, steps.append, put_in=put_in)
    return steps


def test_what_the_image_brought_is_not_brought_again(board, parcel):
    """If the board itself says so; if it does not, the next way is taken."""
    shell = board("tar", "gzip")
    steps = _deliver(shell, parcel, "image", "console", put_in=True)
    assert "by image: it is not in the file system" in steps[0]
    arrived(parcel)
    assert _deliver(shell, parcel, "image", "console", put_in=True) == [
        "the overlay is on the board already, with its image"
    ]


def test_a_way_that_does_not_work_gives_way_to_the_next(board, parcel):
    """Neither wget nor curl: typed; and without a dispatcher_ip it is not even tried."""
    shell = board("tar", "gzip")
    steps = _deliver(shell, parcel, "http", "console")
    assert "by http: the board has neither wget nor curl" in steps[1]
    arrived(parcel)
    assert len(_deliver(shell, parcel, "http", "console", host=None)) == 1


def test_when_no_way_is_left_every_reason_is_told(board, parcel):
    """Device and ways by name."""
    with pytest.raises(DeployError, match=r"b1: .* image: it is not in .*; http: the board has"):
        _deliver(board("tar", "gzip"), parcel, "image", "http", put_in=True)
    with pytest.raises(DeployError, match="none of the ways of its overlay key"):
        _deliver(None, parcel, "image")
