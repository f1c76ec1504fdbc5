"""Jobs of this project in the words of LAVA."""
