"""Power switches, one kind a file."""
