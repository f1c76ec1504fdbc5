"""Jobs of LAVA on boards of our own."""
