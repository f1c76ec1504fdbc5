"""The scripts that run on the board; a package so that they install as its data."""
