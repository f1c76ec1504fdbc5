"""Which boards exist, and who holds them."""
