"""What separates a simulated board from the host."""
