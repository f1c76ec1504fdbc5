"""LAVA MultiNode jobs without a LAVA server."""

__version__ = "0.1.0"
