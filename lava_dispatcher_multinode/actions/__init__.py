"""The commands of a job, one per file."""
