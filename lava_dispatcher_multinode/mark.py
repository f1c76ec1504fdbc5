"""The mark of a run, in the environment of whatever it starts; the value is the run's own."""

MARK = "LAVA_DISPATCH_RUN"
#: Ends the value for LAVA's dispatcher and what that starts. The kernel tells it to end if we
#: die (lava/dispatcher/reaper.py); a second signal would stop it from switching its board off.
OF_LAVA = ".lava"
CLEANUP = 60.0  # seconds for LAVA to switch the board off once it has been told to end
