"""What a board is: from power-on to a shell."""
