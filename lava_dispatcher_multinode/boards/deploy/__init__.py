"""Getting an image onto a board, one method a file."""
