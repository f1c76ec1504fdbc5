"""The run on a terminal."""
