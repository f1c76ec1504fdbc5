"""Example plug-in: a job that presses buttons."""
