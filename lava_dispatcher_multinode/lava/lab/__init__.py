"""A LAVA server as the place where a job runs."""
