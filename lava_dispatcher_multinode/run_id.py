"""The environment variable that tags every process of a run; its value is the run's ID."""

RUN_ID_VARIABLE = "LAVA_DISPATCH_RUN"
#: Appended to the ID for LAVA's dispatcher and its children. The kernel signals them when this
#: process dies (lava/dispatcher/reaper.py); a second signal would stop LAVA's power-off.
LAVA_SUFFIX = ".lava"
LAVA_SHUTDOWN_GRACE_S = 60.0  # for LAVA to power the device off after SIGTERM
