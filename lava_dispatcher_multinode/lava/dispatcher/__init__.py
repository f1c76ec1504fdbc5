"""LAVA's own dispatcher as the host of a node."""
