"""Running a job, from allocation to results."""
