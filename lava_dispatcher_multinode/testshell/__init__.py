"""What the board says back: frames of the MultiNode API, signals, results."""
