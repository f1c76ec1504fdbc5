"""The spawner: `python -m lava_dispatcher_multinode.simulator SOCKET`, for `SimulatedLab`."""

import sys

from .spawner import main

sys.exit(main(sys.argv[1:]))
