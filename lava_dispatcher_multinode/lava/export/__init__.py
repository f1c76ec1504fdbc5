"""Exports jobs of this package as LAVA jobs."""
