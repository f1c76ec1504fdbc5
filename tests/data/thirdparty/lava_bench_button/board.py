"""A device type with a boot loader of its own: a panda that counts down silently."""

from __future__ import annotations

from typing import ClassVar

from lava_dispatcher_multinode import device_types
from lava_dispatcher_multinode.boards.bootloaders.u_boot import UBootLoader
from lava_dispatcher_multinode.boards.standard_board import StandardBoard


class SilentLoader(UBootLoader):
    """Sends keys from power-on, as nothing announces the countdown."""

    name = "the silent U-Boot"

    def interrupt(self, *, spam=False):
        """Get the prompt."""
        super().interrupt(spam=True)


class BenchBoard(StandardBoard):
    """The driver of the type; `defaults` is the content of device-types/bench-board.yaml."""

    defaults: ClassVar = {
        **device_types.defaults("panda"),
        "aliases": ["bb"],
        "bootloader": "silent-u-boot",
    }
