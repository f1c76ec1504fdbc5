"""LAVA's dispatcher as the host of a node."""
