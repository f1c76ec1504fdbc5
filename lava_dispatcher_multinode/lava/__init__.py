"""The bridge to LAVA: its dispatcher as a host, its jobs as input, its labs as the next step."""
