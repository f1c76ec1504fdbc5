"""Power switches, one kind per file."""
