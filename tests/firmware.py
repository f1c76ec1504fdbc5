"""The firmware of the simulated boards of this package's device types."""

from lava_dispatcher_multinode import device_types
from lava_dispatcher_multinode.lab.device_sections import SimulatedFirmware

FIRMWARE = {
    name: SimulatedFirmware(**device_types.defaults(name)["simulated_firmware"])
    for name in ("panda", "beaglexm")
}
