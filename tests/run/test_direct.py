"""Where boards find the coordinator."""

import pytest

from lava_dispatcher_multinode.lab.device_model import Connection, Device, QemuMachine
from lava_dispatcher_multinode.run.direct import way_of

SERIAL = Connection(serial="/dev/ttyUSB0")
SIMULATED = Connection(simulated=True)
QEMU = Connection(qemu=QemuMachine())


@pytest.mark.parametrize(
    ("connection", "multinode", "address", "way"),
    [
        (SERIAL, "console", "192.0.2.1", None),
        (SERIAL, "socket", None, None),
        (SERIAL, "socket", "192.0.2.1", ("192.0.2.1", "192.0.2.1")),
        (QEMU, "socket", None, ("127.0.0.1", "10.0.2.2")),
        (SERIAL, "socket", "localhost", ("127.0.0.1", "localhost")),
        (SIMULATED, "socket", "192.0.2.1", ("127.0.0.1", "127.0.0.1")),
        (SIMULATED, "console", None, None),
    ],
)
def test_ways(connection, multinode, address, way):
    """Nothing listens beyond loopback but for a board that is configured so."""
    device = Device(
        "x", "panda", connection=connection, multinode=multinode, dispatcher_ip=address
    )
    assert way_of(device) == way
