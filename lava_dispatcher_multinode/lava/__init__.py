"""The bridge to LAVA: its dispatcher as a host, its jobs as input and output, its servers."""
