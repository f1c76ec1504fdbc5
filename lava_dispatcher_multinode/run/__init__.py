"""A job from allocation to results."""
