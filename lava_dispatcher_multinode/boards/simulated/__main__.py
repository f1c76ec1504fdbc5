"""`python -m lava_dispatcher_multinode.boards.simulated SOCKET`: for `lab.SimulatedLab` only."""

import sys

from .factory import main

sys.exit(main(sys.argv[1:]))
