"""What the board says back: frames, signals, the relay to the coordinator."""
