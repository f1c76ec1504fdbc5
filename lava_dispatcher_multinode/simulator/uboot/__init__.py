"""The U-Boot of a simulated board."""
