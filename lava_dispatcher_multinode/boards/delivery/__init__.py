"""Delivery of the overlay to a booted board, by several methods."""
