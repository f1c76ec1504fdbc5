"""The commands of a job, one a file."""
