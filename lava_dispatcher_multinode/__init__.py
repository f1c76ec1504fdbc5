"""Tests that need several boards at once: LAVA's MultiNode without a server."""

__version__ = "0.1.0"
