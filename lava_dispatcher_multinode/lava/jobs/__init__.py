"""LAVA jobs on devices that this package drives."""
