"""Getting the overlay onto a board, by whatever way it has."""
