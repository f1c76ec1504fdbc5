"""The mark of a run, in the environment of whatever it starts; the value is the run's own."""

MARK = "LAVA_DISPATCH_RUN"
